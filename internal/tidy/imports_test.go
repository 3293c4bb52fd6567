package tidy

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// anything stands in the table for every package of this module. What it must
// not mean is said by other rules: nobody gets past the wall with it.
const anything = "*"

// imports is the whole import policy of this module: a package stands on the
// left, the packages of this module that it may import on the right. A package
// that is not listed may not exist. It binds files that are no tests.
//
// DO NOT CHANGE THIS TABLE TO MAKE A BUILD PASS. Each edge is a decision; see
// docs/decisions.
var imports = map[string][]string{
	// Words that every package shares, and the hashing engine.
	"internal/btc":         {},
	"internal/sha256d":     {},
	"internal/sha256d/gen": {}, // Prints the assembly; no binary links it.
	"internal/tidy":        {},

	// Pure: no socket, no file, no clock, no goroutine.
	"headerchain":         {"internal/btc", "internal/sha256d"},
	"adapter/addrbook":    {"internal/btc"},
	"adapter/link/bip324": {}, // Ciphers and keys of the v2 transport; tried against official vectors without a socket.
	"adapter/node":        {"adapter/addrbook", "headerchain", "internal/btc"},
	"adapter/flight":      {"adapter/addrbook", "adapter/node", "internal/btc"}, // What the brain was told, for replay.

	// Touches the network or the disk.
	"headerchain/store": {"headerchain", "internal/btc"},
	"adapter/link":      {"adapter/link/bip324", "internal/btc"},
	"adapter/session":   {"adapter/addrbook", "adapter/link", "internal/btc"},
	"adapter/dialer":    {"adapter/addrbook", "adapter/link"}, // Sockets to peers, by SOCKS5 too.
	"adapter/txstore":   {"internal/btc"},
	"adapter/evidence":  {"internal/btc"}, // Bodies that failed, for replay.
	"adapter/fakepeer":  {"internal/btc"},
	"adapter/simnet":    {"adapter/addrbook", "adapter/fakepeer", "adapter/link", "adapter/node", "headerchain", "internal/btc"},
	"adapter": {
		"adapter/addrbook", "adapter/dialer", "adapter/evidence", "adapter/flight", "adapter/link", "adapter/node", "adapter/session", "adapter/txstore",
		"headerchain", "internal/btc",
	},

	// The wall, and the hatch in it.
	"sandbox":         {},
	"sandbox/victim":  {"sandbox"},
	"sandbox/frame":   {"internal/btc", "sandbox/claim", "sandbox/verdict"},
	"sandbox/verdict": {},
	"sandbox/claim":   {"internal/btc", "internal/sha256d", "sandbox/verdict"},
	"sandbox/signet":  {"internal/btc"},  // Asked by claim through an interface.
	"sandbox/reject":  {"sandbox/claim"}, // Core's words; they decide nothing.
	"sandbox/ring":    {"sandbox/frame"}, // The size of a slot is a word of the hatch.
	"sandbox/pool":    {"internal/btc", "sandbox/claim", "sandbox/frame", "sandbox/ring", "sandbox/verdict"},

	// Inside the wall.
	"parser":        {"internal/btc", "sandbox/claim", "sandbox/frame", "sandbox/verdict"},
	"parser/worker": {"internal/btc", "parser", "sandbox/claim", "sandbox/frame", "sandbox/verdict"},

	// What leaves.
	"bus":           {"headerchain", "internal/btc", "internal/sha256d", "sandbox/claim", "sandbox/signet", "sandbox/verdict"},
	"bus/jetstream": {"bus", "headerchain", "internal/btc", "sandbox/claim"},
	"bus/grpc":      {"bus", "headerchain", "internal/btc", "sandbox/claim"},

	// Processes, and what stands beside them.
	"supervisor":           {"sandbox", "sandbox/frame", "sandbox/ring"}, // Checks the seals of the ring before a parser gets it.
	"broker":               {},
	"ops":                  {"internal/btc"},
	"cmd/blockgate":        {anything},
	"cmd/blockgate-parser": {"parser/worker", "sandbox", "sandbox/ring"}, // Opens the ring before it locks itself in.
	"fuzz":                 {anything},
	"fuzz/bench":           {anything},
}

// outside says which packages may import a module that is not ours. What is not
// listed may be imported by no file that is not a test.
var outside = map[string][]string{
	"github.com/btcsuite/btcd":               {"adapter/fakepeer", "adapter/session"},
	"github.com/btcsuite/btcd/btcec":         {"adapter/link/bip324"}, // Key exchange of BIP-0324.
	"github.com/landlock-lsm/go-landlock":    {"sandbox", "sandbox/victim"},
	"github.com/nats-io/nats-server":         {"broker"},
	"github.com/nats-io/nats.go":             {"broker", "bus/jetstream", "cmd/blockgate"},
	"github.com/nats-io/nkeys":               {"broker", "bus/jetstream", "cmd/blockgate"},
	"github.com/spf13/cobra":                 {"cmd/blockgate"},
	"github.com/spf13/pflag":                 {"cmd/blockgate"},
	"golang.org/x/crypto":                    {"adapter/link/bip324"}, // ChaCha20-Poly1305 of BIP-0324.
	"golang.org/x/net":                       {"adapter/dialer"},      // SOCKS5.
	"golang.org/x/sync":                      {"adapter", "adapter/session", "broker", "bus/jetstream", "cmd/blockgate", "sandbox/pool", "supervisor"},
	"golang.org/x/sys":                       {"adapter", "adapter/link", "broker", "cmd/blockgate", "cmd/blockgate-parser", "headerchain/store", "parser/worker", "sandbox", "sandbox/pool", "sandbox/ring", "sandbox/victim", "supervisor"},
	"github.com/prometheus/client_golang":    {"ops"},
	"github.com/decred/dcrd/dcrec/secp256k1": {"sandbox/signet"},
}

// ownImports holds each package to the table of imports.
func ownImports(tr *tree) []string {
	var faults []string
	for _, pkg := range tr.packages() {
		if _, known := imports[pkg]; !known {
			faults = append(faults, pkg+": package is not in the import table; add it with a reason")
		}
	}
	for _, name := range tr.code() {
		pkg := path.Dir(name)
		for _, imported := range importsOf(tr.files[name]) {
			own, ok := strings.CutPrefix(imported, module)
			if ok && !slices.Contains(imports[pkg], own) && !slices.Contains(imports[pkg], anything) {
				faults = append(faults, fmt.Sprintf("%s: %s must not import %s", name, pkg, own))
			}
		}
	}
	return faults
}

// outsideImports holds each package to the table of modules that are not ours.
func outsideImports(tr *tree) []string {
	var faults []string
	for _, name := range tr.code() {
		pkg := path.Dir(name)
		for _, imported := range importsOf(tr.files[name]) {
			if !strings.Contains(strings.Split(imported, "/")[0], ".") || pkg == "fuzz" || pkg == "fuzz/bench" {
				continue
			}
			if !slices.Contains(outside[moduleOf(imported)], pkg) {
				faults = append(faults, fmt.Sprintf("%s: %s must not import %s", name, pkg, imported))
			}
		}
	}
	return faults
}

// moduleOf gives the longest entry of outside that an import path lies under.
func moduleOf(imported string) string {
	found := ""
	for under := range outside {
		if (imported == under || strings.HasPrefix(imported, under+"/")) && len(under) > len(found) {
			found = under
		}
	}
	return found
}
