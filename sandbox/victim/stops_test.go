//go:build linux

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"blockgate/sandbox"
)

// stopsFile says by which layers, each alone, an attempt is stopped: the line of
// an ordinary user, then that of root.
const stopsFile = "testdata/stops.txt"

// What stands there in place of layers.
const (
	never    = "never"  // It does not succeed without any layer; see hopeless.
	byParent = "parent" // No layer stops it: its parent ends it.
	// Beside layers: some that do not stop it alone do so together.
	together = "together"
)

// hopeless says why an attempt does not succeed without any layer on the kernel
// that the table was measured on. It is made all the same: under the wall it must
// not succeed anywhere.
var hopeless = map[string]string{
	"open-by-handle":         "needs a capability in the first user namespace",
	"type-into-terminal":     "there is no terminal",
	"ring-writable":          "the ring's descriptor could only read, and it is sealed",
	"ring-store":             "the mapping is read-only",
	"ring-hole":              "the ring is sealed",
	"ring-reopen":            "needs a capability in the first user namespace; and the ring is sealed",
	"crypto-socket":          "the kernel has no AF_ALG",
	"process-madvise":        "needs a capability over the parent",
	"drop-groups":            "a user namespace that an ordinary user made may not",
	"enter-parent-namespace": "needs a capability in the namespace of the parent",
	"bpf-map":                "kernel.unprivileged_bpf_disabled is 2",
	"load-module":            "the kernel has no modules",
	"kernel-log":             "kernel.dmesg_restrict is 1",
	"protection-key":         "the processor has none",
	"shadow-stack":           "the kernel has none",
	"call-x32":               "the kernel has no x32",
	"port-permission":        "the kernel has no port permissions",
	"port-level":             "the kernel has no port permissions",
}

// hopelessAsRoot is what remains of them for root.
var hopelessAsRoot = []string{
	"type-into-terminal", "ring-writable", "ring-store", "ring-hole", "ring-reopen", "drop-groups", "enter-parent-namespace", "crypto-socket", "load-module", "protection-key", "shadow-stack",
	"call-x32", "port-permission", "port-level",
}

// stops are two lines of the table.
type stops struct{ user, root string }

// readStops reads the table. A line has the name, what stops it as an ordinary
// user, and what stops it as root.
func readStops(t *testing.T) map[string]stops {
	t.Helper()
	text, err := os.ReadFile(stopsFile)
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]stops{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		cells := strings.Split(line, "|")
		if len(cells) != 3 {
			t.Fatalf("%s: %q", stopsFile, line)
		}
		read[strings.TrimSpace(cells[0])] = stops{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])}
	}
	return read
}

// writeStops writes the table from what was found.
func writeStops(t *testing.T, user, root table) {
	t.Helper()
	var b strings.Builder
	b.WriteString("# What stops an attempt to leave the cell: each layer that does it alone.\n" +
		"# First as an ordinary user, then as root. Written by: go test ./sandbox/victim -full -rewrite\n\n")
	for _, o := range orders {
		fmt.Fprintf(&b, "%-26s | %-54s | %s\n", o.Name, user.line(o), root.line(o))
	}
	if err := os.WriteFile(stopsFile, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// line is a cell of the table for what was found.
func (found table) line(o order) string {
	switch {
	case o.patient():
		return byParent
	case !found.got(o.Name, "none"):
		return never
	default:
		set := found.stops(o)
		for _, unit := range units {
			if outcome, tried := found[o.Name]["all but "+unit]; tried && outcome != "succeeded" && openWithout(unit, o, set) {
				set = append(set, together)
				break
			}
		}
		return strings.Join(set, " ")
	}
}

// TestVictim is the promise: with every layer, nothing succeeds. It counts what
// succeeds without, too.
func TestVictim(t *testing.T) {
	skipWithoutNamespaces(t)
	uid := os.Getuid()
	if uid == 0 {
		uid = nobody
	}
	todo := chosen(t, *full)
	user := run(t, uid, todo)
	root := table(nil)
	if os.Getuid() == 0 && *full {
		root = run(t, 0, todo)
	}
	if *rewrite {
		writeStops(t, user, root)
	}
	want := readStops(t)
	t.Run("user", func(t *testing.T) { user.check(t, todo, func(name string) string { return want[name].user }) })
	if root != nil {
		t.Run("root", func(t *testing.T) { root.check(t, todo, func(name string) string { return want[name].root }) })
	}
}

// some are every fourth attempt.
func some(all []order) []order {
	var kept []order
	for i := 0; i < len(all); i += 4 {
		kept = append(kept, all[i])
	}
	return kept
}

// chosen says which attempts are made with each layer alone, too: all, or every
// tenth and enough of the others that each layer has three to show itself.
func chosen(t *testing.T, all bool) []order {
	t.Helper()
	table := readStops(t)
	todo := slices.Clone(orders)
	if testing.Short() {
		todo = some(orders)
	}
	shows := map[string]int{}
	for i := range todo {
		line := strings.Fields(table[todo[i].Name].user)
		rare := slices.ContainsFunc(line, func(unit string) bool { return shows[unit] < 3 })
		if todo[i].Alone = all || rare || i%10 == 0; todo[i].Alone {
			for _, unit := range line {
				shows[unit]++
			}
		}
	}
	return todo
}

// check holds what was found to the table.
func (found table) check(t *testing.T, todo []order, want func(name string) string) {
	t.Helper()
	open, closed := 0, 0
	for _, o := range todo {
		if found.got(o.Name, "none") {
			open++
		}
		if len(found[o.Name]) > 0 && !found.got(o.Name, "all") {
			closed++
		}
		t.Run(o.Name, func(t *testing.T) { found.checkOne(t, o, want(o.Name)) })
	}
	t.Logf("%d attempts: %d succeed without a layer, %d with all", len(todo), open, len(todo)-closed)
	for _, unit := range units {
		stopping := func(o order) bool { return found.got(o.Name, "none") && slices.Contains(found.stops(o), unit) }
		listed := func(o order) bool { return slices.Contains(strings.Fields(want(o.Name)), unit) }
		if slices.ContainsFunc(todo, listed) && !slices.ContainsFunc(todo, stopping) {
			t.Errorf("no attempt shows that %s stops anything", unit)
		}
		alone, without := 0, 0
		for _, o := range todo {
			if found.got(o.Name, "only "+unit) {
				alone++
			}
			if found.got(o.Name, "all but "+unit) {
				without++
			}
		}
		t.Logf("%-13s %3d succeed with it alone, %3d with all others", unit, alone, without)
	}
}

// checkOne holds one attempt to its line.
func (found table) checkOne(t *testing.T, o order, want string) {
	row := found[o.Name]
	if row["all"] == "" || found.got(o.Name, "all") {
		t.Errorf("with all layers: %q", row["all"])
	}
	switch {
	case want == "":
		t.Errorf("%s has no line for it; measured: %s", stopsFile, found.line(o))
		return
	case want == byParent:
		if end := row["none"]; end != "deadline" && end != "flood" || row["all"] != end {
			t.Errorf("without layers %q, with all %q", end, row["all"])
		}
		return
	case want == never && !found.got(o.Name, "none"):
		t.Skipf("cannot succeed here without layers (%s): %s", row["none"], hopeless[o.Name])
	case want == never:
		t.Skipf("succeeds here without layers, not where the table was measured; stopped by %q", found.stops(o))
	case !found.got(o.Name, "none") && slices.Contains(unknown, row["none"]):
		t.Skipf("not on this kernel: %s", row["none"])
	case !found.got(o.Name, "none"):
		t.Fatalf("without layers: %q; it proves nothing", row["none"])
	}
	if measured := row["only "+sandbox.LayerSeccomp] != ""; measured && found.line(o) != want {
		t.Errorf("stopped by %q, want %q: %v", found.line(o), want, row)
	}
	for _, unit := range units {
		outcome, tried := row["all but "+unit]
		if open := openWithout(unit, o, strings.Fields(want)); tried && open != (outcome == "succeeded") {
			t.Errorf("all but %s: %q, want open %t, since it is stopped by %s", unit, outcome, open, want)
		}
	}
}

// unknown are the answers of a kernel that lacks what is attempted.
var unknown = []string{"ENOSYS", "EOPNOTSUPP", "EAFNOSUPPORT", "EPROTONOSUPPORT"}

// openWithout tells whether an attempt succeeds with all layers but one: only if
// that one alone stands in its way. Without namespaces there is no empty root, and
// none of the capabilities that some attempts need.
func openWithout(unit string, o order, stops []string) bool {
	return !slices.ContainsFunc(stops, func(s string) bool {
		return s != unit && !(unit == namespaces && s == sandbox.LayerRoot)
	}) && !(unit == namespaces && o.Inside)
}

// TestEveryLayerIsListed: a layer that stops nothing alone could go unnoticed.
func TestEveryLayerIsListed(t *testing.T) {
	table := readStops(t)
	for _, unit := range units {
		found := 0
		for _, line := range table {
			if slices.Contains(strings.Fields(line.user), unit) {
				found++
			}
		}
		if found == 0 {
			t.Errorf("no line of %s names %s", stopsFile, unit)
		}
	}
}

// TestTableIsWhole: what can be tried stands in the table, and nothing else does. Some
// attempts are of one architecture.
func TestTableIsWhole(t *testing.T) {
	table := readStops(t)
	if len(orders) < 100 || runtime.GOARCH == "amd64" && len(table) != len(orders) {
		t.Errorf("%d attempts, %d in %s", len(orders), len(table), stopsFile)
	}
	for _, o := range orders {
		if _, listed := table[o.Name]; !listed {
			t.Errorf("%s has no line for %s", stopsFile, o.Name)
		}
	}
}

// TestHopelessIsTold: what cannot succeed has a reason, and nothing else has one.
func TestHopelessIsTold(t *testing.T) {
	for name, line := range readStops(t) {
		if why := hopeless[name]; (line.user == never) != (why != "") {
			t.Errorf("%s: %q, %q", name, line.user, why)
		}
		if (line.root == never) != slices.Contains(hopelessAsRoot, name) {
			t.Errorf("%s as root: %q", name, line.root)
		}
	}
}
