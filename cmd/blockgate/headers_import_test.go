package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"blockgate/adapter/node"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

// mineHeaders returns headers of regtest on a parent. mark tells siblings apart.
func mineHeaders(parent btc.Header, count int, mark byte) []btc.Header {
	var mined []btc.Header
	limit := btc.Regtest.Params().PowLimit
	for range count {
		f := btc.HeaderFields{Version: 4, Prev: parent.Hash(), MerkleRoot: btc.Hash{mark}, Time: parent.Time() + 600, Bits: parent.Bits()}
		for parent = f.Header(); ; parent = f.Header() {
			if hash := parent.Hash(); limit.Meets(&hash) {
				break
			}
			f.Nonce++
		}
		mined = append(mined, parent)
	}
	return mined
}

func rawOf(headers ...[]btc.Header) []byte {
	var raw []byte
	for _, h := range slices.Concat(headers...) {
		raw = append(raw, h[:]...)
	}
	return raw
}

// forkedHeaders are a best chain of 40 above genesis with forks of all kinds: short
// and long ones, forks on forks, and one as heavy as the best chain.
func forkedHeaders() (best []btc.Header, forks [][]btc.Header) {
	genesis := btc.Regtest.Params().Genesis
	best = append([]btc.Header{genesis}, mineHeaders(genesis, 40, 0)...)
	for i, fork := range []struct{ on, count int }{{0, 1}, {0, 3}, {5, 5}, {20, 12}, {39, 1}, {30, 10}, {40 - 1, 1}} {
		forks = append(forks, mineHeaders(best[fork.on], fork.count, byte(i+1)))
	}
	return best, append(forks, mineHeaders(forks[3][2], 4, 9), mineHeaders(forks[3][2], 1, 10))
}

// blockgate runs a command line in this process.
func blockgate(t *testing.T, stdin []byte, args ...string) (stdout, stderr []byte, err error) {
	t.Helper()
	var out, said bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(bytes.NewReader(stdin))
	root.SetOut(&out)
	root.SetErr(&said)
	err = root.ExecuteContext(t.Context())
	return out.Bytes(), said.Bytes(), err
}

func mustRun(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	out, said, err := blockgate(t, stdin, args...)
	if err != nil {
		t.Fatalf("%q: %v\n%s%s", args, err, out, said)
	}
	return out
}

// splitForks returns the records of a file and wants each after its parent.
func splitForks(t *testing.T, raw []byte) []btc.Header {
	t.Helper()
	var headers []btc.Header
	seen := map[btc.Hash]bool{{}: true}
	for record := range slices.Chunk(raw, btc.HeaderSize) {
		h := btc.Header(record)
		if !seen[h.Prev()] || seen[h.Hash()] {
			t.Fatalf("record %d comes before its parent, or twice", len(headers))
		}
		seen[h.Hash()] = true
		headers = append(headers, h)
	}
	return headers
}

// Forks go out and in and out again, equal to the byte, however they came in first.
func TestForksRoundTrip(t *testing.T) {
	best, forks := forkedHeaders()
	young := append(slices.Clone(best[:36]), slices.Concat(forks[:4]...)...) // none is far behind here
	dir := t.TempDir()
	one, two, three := filepath.Join(dir, "one"), filepath.Join(dir, "two"), filepath.Join(dir, "three")
	for _, batch := range [][]btc.Header{
		best[:4], forks[0], forks[1], best[4:10], forks[2], best[10:30], forks[3], best[30:], forks[4], forks[5], forks[6], forks[7], forks[8],
	} {
		mustRun(t, rawOf(batch), "headers", "import", "--network", "regtest", "--datadir", one, "-")
	}
	count := len(best)
	for _, f := range forks {
		count += len(f)
	}
	all := mustRun(t, nil, "headers", "export", "--all", "--datadir", one, "-")
	if headers := splitForks(t, all); len(headers) != count-5 { // forks[7] and forks[8] are 7 blocks behind when they come
		t.Fatalf("%d headers of %d", len(headers), count)
	}
	linear := mustRun(t, nil, "headers", "export", "--datadir", one, "-")
	if !bytes.Equal(linear, rawOf(best)) {
		t.Errorf("%d bytes are not the best chain", len(linear))
	}
	mustRun(t, all, "headers", "import", "--network", "regtest", "--datadir", two, "-")
	if again := mustRun(t, nil, "headers", "export", "--all", "--datadir", two, "-"); !bytes.Equal(again, all) {
		t.Errorf("%d bytes, want the %d that were imported", len(again), len(all))
	}
	if again := mustRun(t, nil, "headers", "export", "--datadir", two, "-"); !bytes.Equal(again, linear) {
		t.Error("the best chain is another one")
	}
	// The best chain first: forks that are old by then are held back.
	out := mustRun(t, rawOf(young, best[36:]), "headers", "import", "--json", "--network", "regtest", "--datadir", three, "-")
	if want := `"headers":62,"new":61,"known":1,"kept":52,"held_back":9,`; !strings.Contains(string(out), want) {
		t.Errorf("%s does not say %s", out, want)
	}
	again := mustRun(t, nil, "headers", "export", "--all", "--datadir", three, "-")
	if kept := splitForks(t, again); len(kept) != 53 {
		t.Errorf("%d headers were kept", len(kept))
	}
}

// The help names how far behind is too far.
func TestImportHelp(t *testing.T) {
	for _, want := range []string{fmt.Sprintf("most %d blocks' work", node.KeepBlocks), ruleTooMany} {
		if !strings.Contains(importLong, want) {
			t.Errorf("help does not say %q", want)
		}
	}
}

// fullShelf takes so many headers and then none.
type fullShelf struct {
	room int
	got  []btc.Header
}

func (s *fullShelf) Load(func([]btc.Header) error) error { return nil }

func (s *fullShelf) Keep(headers []btc.Header) error {
	if len(s.got)+len(headers) > s.room {
		return fmt.Errorf("headers: test: %w", syscall.ENOSPC)
	}
	s.got = append(s.got, headers...)
	return nil
}

func newTestImport(shelf headerShelf) *headerImport {
	return newHeaderImport(&networkFlag{Network: btc.Regtest}, shelf, newHeaderProgress(io.Discard, 0), func() time.Time { return noon })
}

func TestImportDiskFull(t *testing.T) {
	raw := rawOf(mineHeaders(btc.Regtest.Params().Genesis, 2*btc.MaxHeaders+10, 1))
	for room, want := range map[int]int{-1: 0, 0: 0, btc.MaxHeaders - 1: 0, btc.MaxHeaders: btc.MaxHeaders, 2*btc.MaxHeaders + 9: 2 * btc.MaxHeaders} {
		shelf := &fullShelf{room: room}
		err := newTestImport(shelf).run(t.Context(), bytes.NewReader(raw))
		if codeOf(err) != exitData || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), fmt.Sprintf("the %d new headers before are on the disk", want)) {
			t.Errorf("room for %d: %v", room, err)
		}
		if len(shelf.got) != want {
			t.Errorf("room for %d: %d kept", room, len(shelf.got))
		}
	}
	if err := newTestImport(&fullShelf{room: 2*btc.MaxHeaders + 10}).run(t.Context(), bytes.NewReader(raw)); err != nil {
		t.Error(err)
	}
}

// Each kind of refusal has its word, our own limits too, and what is none is ours.
func TestImportRefusals(t *testing.T) {
	header := btc.Regtest.Params().Genesis
	for kind, want := range map[error]string{
		headerchain.ErrUnlinked: ruleNotLinked, headerchain.ErrBits: "bad-diffbits", headerchain.ErrTimeTooNew: "time-too-new",
		headerchain.ErrSideFull: ruleTooMany, headerchain.ErrChainFull: ruleTooMany,
	} {
		i := newTestImport(&fullShelf{})
		err := i.judge(&header, &headerchain.HeaderError{Height: 7, Kind: kind, Detail: "1 and 2"})
		if err != nil || i.refused.Rule != want || i.refused.Height != 7 || want != ruleNotLinked && !strings.Contains(i.refused.Detail, "1 and 2") {
			t.Errorf("%v: %v, %+v", kind, err, i.refused)
		}
	}
	for _, own := range []error{io.ErrShortWrite, &headerchain.HeaderError{Kind: io.ErrShortWrite}} {
		if i := newTestImport(&fullShelf{}); codeOf(i.judge(&header, own)) != exitOwn || i.refused != nil {
			t.Errorf("%v: %+v", own, i.refused)
		}
	}
}

// A broken rule among forks, in a later chunk, after what is known: everything before
// it is kept, and nothing behind it.
func TestImportKeepsThePrefix(t *testing.T) {
	best, forks := forkedHeaders()
	long := mineHeaders(best[40], btc.MaxHeaders+20, 20)
	bad := slices.Clone(long)
	bad[btc.MaxHeaders+5][72] ^= 1 // other bits
	for _, test := range []struct {
		name    string
		file    []byte
		headers int64
		kept    int
		height  btc.Height
		rule    string
	}{
		{"in the second chunk", rawOf(best, bad), 41 + btc.MaxHeaders + 5, 40 + btc.MaxHeaders + 5, 41 + btc.MaxHeaders + 5, "bad-diffbits"},
		{"behind a fork", rawOf(best, forks[4], bad[btc.MaxHeaders:]), 42, 41, -1, ruleNotLinked},
		{"too far ahead", rawOf(best, ahead(best[40])), 41, 40, 41, "time-too-new"},
	} {
		shelf := &fullShelf{room: 1 << 20}
		i := newTestImport(shelf)
		err := i.run(t.Context(), bytes.NewReader(test.file))
		r := i.result()
		if err != nil || r.Headers != test.headers || len(shelf.got) != test.kept || r.Kept != int64(test.kept) {
			t.Errorf("%s: %+v, %d kept, %v", test.name, r, len(shelf.got), err)
		}
		if bad := r.Refused; bad == nil || bad.Height != test.height || bad.Rule != test.rule || bad.Offset != test.headers*btc.HeaderSize {
			t.Errorf("%s: %+v", test.name, bad)
		}
	}
}

// ahead returns a child of a header whose time is 2 h and 1 s ahead of noon.
func ahead(parent btc.Header) []btc.Header {
	f := btc.HeaderFields{Version: 4, Prev: parent.Hash(), Time: uint32(noon.Unix()) + btc.MaxFutureBlockTime + 1, Bits: parent.Bits()}
	for limit := btc.Regtest.Params().PowLimit; ; f.Nonce++ {
		h := f.Header()
		if hash := h.Hash(); limit.Meets(&hash) {
			return []btc.Header{h}
		}
	}
}

// The disk is a real one: too small, then read-only. Nothing that was acknowledged
// is lost, and with space the same import goes on.
func TestImportRealDisk(t *testing.T) {
	folder := t.TempDir()
	input := filepath.Join(folder, "headers.bin")
	if err := os.WriteFile(input, mustUnpackHeaders(t, "mainnet_0-10236"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := `set -u
mount -t tmpfs -o size=512k none "$2" || exit 77
"$1" headers import --datadir "$2/d" "$3" && exit 1
echo "code $?"
"$1" headers export --json --datadir "$2/d" /dev/null || exit 1
mount -o remount,ro "$2" || exit 77
"$1" headers import --datadir "$2/d" "$3" && exit 1
echo "code $?"
"$1" headers export --json --datadir "$2/d" /dev/null || exit 1
"$1" headers export --datadir "$2/d" "$2/out" && exit 1
echo "code $?"
mount -o remount,rw,size=4m "$2" || exit 77
"$1" headers import --json --datadir "$2/d" "$3" || exit 1
"$1" headers export --datadir "$2/d" "$2/out" >"$2/said" || exit 1
cmp "$2/out" "$3"
`
	mounted := filepath.Join(folder, "disk")
	if err := os.Mkdir(mounted, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh", filepath.Join(binDir, "blockgate"), mounted, input)
	said, err := cmd.CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if err != nil && (!failed || exit.ExitCode() == 77 || strings.Contains(string(said), "unshare")) {
		t.Skipf("no file systems of its own here: %v\n%s", err, said)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, want := range []string{
		// 512 KiB are 5956 records and the folders; two batches of 2000 are acknowledged.
		`no space left on device; 2000 wait in memory\n  the 3999 new headers before are on the disk`, "read-only file system",
		`(?s)"headers":([45]\d\d\d),"forks":0,.*"headers":[45]\d\d\d,"forks":0,.*"headers":10237,"new":[456]\d\d\d,"known":[45]\d\d\d,`,
	} {
		if !regexp.MustCompile(want).Match(said) {
			t.Errorf("nobody said %q", want)
		}
	}
	if strings.Count(string(said), "code 5\n") != 3 || t.Failed() {
		t.Errorf("it was said:\n%s", said)
	}
}

// Cheap branches far below the tip leave the file as large as it was, and are not
// there after a restart; one that wins is there as a whole.
func TestImportFlood(t *testing.T) {
	dir := t.TempDir()
	genesis := btc.Regtest.Params().Genesis
	best := mineHeaders(genesis, 100, 0)
	size := func() int64 {
		info, err := os.Stat(filepath.Join(dir, "adapter", headerFileName))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	mustRun(t, rawOf(best), "headers", "import", "--network", "regtest", "--datadir", dir, "-")
	before := size()
	var flood [][]btc.Header
	for mark := range 30 {
		flood = append(flood, mineHeaders(best[mark], 60, byte(mark+1)))
	}
	raw := rawOf(flood...)
	for range 2 { // new again after a restart
		out := mustRun(t, raw, "headers", "import", "--json", "--datadir", dir, "-")
		if want := `"headers":1800,"new":1800,"known":0,"kept":0,"held_back":1800,`; !strings.Contains(string(out), want) {
			t.Errorf("%s does not say %s", out, want)
		}
		if after := size(); after != before {
			t.Errorf("%d bytes, %d before", after, before)
		}
	}
	text := mustRun(t, raw, "headers", "import", "--datadir", dir, "-")
	if !strings.Contains(string(text), "left     1800, on branches more than 6 blocks' work behind the tip: not on the disk") {
		t.Errorf("%s", text)
	}
	winner := append(slices.Clone(flood[0]), mineHeaders(flood[0][59], 50, 99)...)
	mustRun(t, rawOf(winner), "headers", "import", "--datadir", dir, "-")
	if grown := size() - before; grown != int64(88*len(winner)) {
		t.Errorf("%d bytes for %d headers", grown, len(winner))
	}
	chain := rawOf([]btc.Header{genesis}, best[:1], winner)
	if got := mustRun(t, nil, "headers", "export", "--datadir", dir, "-"); !bytes.Equal(got, chain) {
		t.Errorf("%d bytes are not the branch that won", len(got))
	}
}
