package tidy

import (
	"fmt"
	"go/ast"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// blockWords are the names of package wire that decode what stands behind a
// block's header. Bytes of a block's body are decoded in parser alone.
var blockWords = []string{
	"MsgBlock", "MsgTx", "MsgMerkleBlock", "MsgCFilter",
	"NewMsgBlock", "NewMsgTx", "NewMsgMerkleBlock", "NewTxIn", "NewTxOut",
}

// pastTheWall tells whether a file may import parser or what lies under it: the
// binary inside the wall, the fuzz targets, parser itself, and tests of the
// proof check, which compare the two sides.
func pastTheWall(name string) bool {
	switch pkg := path.Dir(name); pkg {
	case "cmd/blockgate-parser", "fuzz", "fuzz/bench", "parser", "parser/worker":
		return true
	case "sandbox/claim":
		return isTest(name)
	default:
		return false
	}
}

// parserImports keeps package parser out of every other process; it binds tests
// too, because a test that gets used to a short cut asks for it elsewhere.
func parserImports(tr *tree) []string {
	var faults []string
	for _, name := range tr.sources() {
		for _, imported := range importsOf(tr.files[name]) {
			inside := imported == module+"parser" || strings.HasPrefix(imported, module+"parser/")
			if inside && !pastTheWall(name) {
				faults = append(faults, fmt.Sprintf("%s: reaches inside the wall by %s; see sandbox/claim", name, imported))
			}
		}
	}
	return faults
}

// blockDecoders keeps btcd's decoders of blocks and transactions out of what we
// ship. Tests may use them as the oracle.
func blockDecoders(tr *tree) []string {
	var faults []string
	for _, name := range tr.code() {
		if strings.HasPrefix(name, "fuzz/") {
			continue
		}
		uses(tr.files[name], func(from, word string, node ast.Node) {
			wire := strings.HasPrefix(from, "github.com/btcsuite/btcd/wire")
			if wire && slices.Contains(blockWords, word) {
				faults = append(faults, fmt.Sprintf("%s: names wire.%s; a body stays bytes outside the wall", tr.at(node), word))
			}
		})
		for _, imported := range importsOf(tr.files[name]) {
			if strings.HasPrefix(imported, "github.com/btcsuite/btcd/btcutil") {
				faults = append(faults, fmt.Sprintf("%s: imports %s, which decodes blocks", name, imported))
			}
		}
	}
	return faults
}

// notInWorker begins the import path of each package that the parser binary
// must not link. What is not linked cannot be called by whoever takes it over.
var notInWorker = []string{
	"net", "os/exec", "os/user", "os/signal", "plugin", "crypto/tls", "html", "text/template", "runtime/cgo",
	"github.com/nats-io", "github.com/btcsuite", "github.com/spf13",
	"blockgate/adapter", "blockgate/bus", "blockgate/broker", "blockgate/supervisor", "blockgate/ops", "blockgate/cmd",
	"blockgate/headerchain", "blockgate/sandbox/pool",
}

// inWorker are packages that the list above would catch by its beginning, and
// that hold no socket: net/netip is arithmetic on addresses.
var inWorker = []string{"net/netip", "blockgate/cmd/blockgate-parser"}

// workerLinks looks for forbidden packages in what "go list -deps" prints.
func workerLinks(deps string) []string {
	var faults []string
	for dep := range strings.FieldsSeq(deps) {
		if slices.Contains(inWorker, dep) {
			continue
		}
		if slices.ContainsFunc(notInWorker, func(bad string) bool { return under(dep, bad) }) {
			faults = append(faults, "cmd/blockgate-parser links "+dep)
		}
	}
	return faults
}

// TestWorkerLinks asks the go command what the parser binary is made of.
func TestWorkerLinks(t *testing.T) {
	repository(t) // so that the test cache knows what this result rests on
	if _, err := os.Stat(root + "/cmd"); os.IsNotExist(err) {
		t.Skip("there is no binary yet")
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/blockgate-parser")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	deps, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	if !strings.Contains(string(deps), "blockgate/parser/worker\n") {
		t.Error("cmd/blockgate-parser does not link parser/worker: is this the right binary?")
	}
	for _, fault := range workerLinks(string(deps)) {
		t.Error(fault)
	}
}

// TestWorkerLinksSees plants forbidden packages.
func TestWorkerLinksSees(t *testing.T) {
	for _, dep := range []string{"net", "net/http", "os/exec", "github.com/nats-io/nats.go", "github.com/btcsuite/btcd/wire/v2", "blockgate/bus"} {
		if len(workerLinks("runtime\n"+dep+"\nunsafe\n")) != 1 {
			t.Errorf("%s was not seen", dep)
		}
	}
	if faults := workerLinks("runtime\nnet/netip\nnetwork\nos\nblockgate/parser\n"); faults != nil {
		t.Errorf("harmless packages were refused: %v", faults)
	}
}
