package tidy

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
)

// pure are the packages that decide and touch nothing: they take bytes, time and
// randomness as arguments and return what to do.
var pure = []string{
	"internal/btc", "internal/sha256d", "headerchain", "adapter/addrbook", "adapter/flight", "adapter/link/bip324", "adapter/node",
	"parser", "sandbox/claim", "sandbox/frame", "sandbox/reject", "sandbox/signet", "sandbox/verdict",
}

// impure begins the import path of each package that a pure one must not see.
// net/netip is arithmetic and fine.
var impure = []string{
	"net", "os", "sync", "log", "math/rand", "crypto/rand", "context", "syscall", "io/fs", "io/ioutil",
	"unsafe", "C", "golang.org/x/sys/unix", "golang.org/x/sync",
}

// clocks are the names of package time that read or start a clock.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

// purity keeps sockets, files, clocks, locks and chance out of what decides.
func purity(tr *tree) []string {
	var faults []string
	for _, name := range tr.code() {
		if !slices.Contains(pure, path.Dir(name)) {
			continue
		}
		for _, imported := range importsOf(tr.files[name]) {
			if imported != "net/netip" && slices.ContainsFunc(impure, func(bad string) bool { return under(imported, bad) }) &&
				!engineMayUse(name, imported) {
				faults = append(faults, fmt.Sprintf("%s: a pure package must not import %s", name, imported))
			}
		}
		uses(tr.files[name], func(from, word string, node ast.Node) {
			if from == "time" && slices.Contains(clocks, word) {
				faults = append(faults, fmt.Sprintf("%s: a pure package must not call time.%s; take the time from the caller", tr.at(node), word))
			}
		})
		ast.Inspect(tr.files[name], func(node ast.Node) bool {
			if _, ok := node.(*ast.GoStmt); ok {
				faults = append(faults, tr.at(node)+": a pure package starts no goroutine")
			}
			return true
		})
	}
	return faults
}

// engineMayUse names the one exception: the hashing engine hands pointers to
// assembly, in a file whose name says so.
func engineMayUse(name, imported string) bool {
	return imported == "unsafe" && path.Dir(name) == "internal/sha256d" && strings.HasSuffix(name, "_unsafe.go")
}

// under tells whether an import path is bad or lies below it.
func under(imported, bad string) bool {
	return imported == bad || strings.HasPrefix(imported, bad+"/")
}
