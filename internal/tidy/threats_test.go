package tidy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// threats are the published attacks on frames and memory (W), on messages (M), on headers
// (H) and on bodies (B) that the project keeps a list of. Each is met by a test that names it in its comment.
var threats = map[string]string{
	"W01": "a length of 32 MiB, for which memory is taken at once (CVE-2015-3641)",
	"W02": "large transactions that nobody asked for (CVE-2013-4627)",
	"W03": "a witness item longer than a limit that was made up (CVE-2022-44797)",
	"W04": "half a million witness items in one input (CVE-2022-39389)",
	"W05": "the flag of witnesses and none of them",
	"W06": "counts that are written longer than need be",
	"W07": "unknown flags of witnesses",
	"W08": "counts beyond the bytes that are there",
	"W10": "vectors without entries",
	"W11": "messages that no decoder foresaw",
	"W12": "recursion on what a peer sends",
	"W13": "frames with a wrong magic, checksum, command, length or end",
	"W14": "silence and disorder before the handshake is done",
	"W15": "a broken handshake of BIP-0324, garbage without end, decoys",
	"W16": "a hostile SOCKS5 proxy (CVE-2017-18350)",
	"W17": "strings and floods that go to the log (CVE-2018-20586, CVE-2025-54604, CVE-2025-54605)",
	"W18": "bytes behind the end",
	"M01": "an inv of 50,000 blocks, a getheaders for each (CVE-2024-52915)",
	"M02": "a getdata that never ends (CVE-2024-52920)",
	"M03": "announcements that fill tables (CVE-2018-17145)",
	"M04": "announced again, to stay the only source (CVE-2024-52913)",
	"M05": "announced and never sent (CVE-2024-52922)",
	"M06": "a mutated block that clears what others were asked for (CVE-2024-52921)",
	"M07": "compact blocks that were not asked for (CVE-2024-35202)",
	"M09": "queues of what we announce (CVE-2023-33297)",
	"M12": "alerts (CVE-2012-4682)",
	"M13": "floods of addresses (CVE-2024-52919)",
	"M14": "addresses of odd networks, lengths and times (BIP-0155)",
	"M15": "a list of bans without end (CVE-2020-14198)",
	"M16": "all our peers are one's: eclipse",
	"M17": "a connection to ourselves",
	"M18": "wrong pongs and floods of pings",
	"M19": "a locator of 100,000 hashes",
	"M20": "what tells one node from another",
	"M22": "heights and services that are not there",
	"H01": "endless valid headers of little work, deep or wide, fill memory (CVE-2019-25220)",
	"H02": "headers of difficulty 1 on genesis, stored before they are judged (CVE-2024-52916)",
	"H03": "peers' clocks shift ours, so that good blocks look too new (CVE-2024-52912)",
	"H04": "a header more than two hours ahead, refused for ever",
	"H05": "time warps and other windows of the retarget (BIP-0054, BIP-0094)",
	"H06": "a wrong walk back of the 20-minute rule, a period whose first header is lost",
	"H07": "bits that stand for no target",
	"H08": "messages of headers that repeat, skip, or go nowhere",
	"H09": "headers with work and an old version: the fork of July 2015",
	"H10": "headers with all their work that break one rule",
	"H11": "more headers with less work, ties, deep reorganizations",
	"H12": "the same invalid header again and again",
	"B01": "a repeated end has the same root (CVE-2012-2459)",
	"B02": "witnesses changed or left out under the same txids",
	"B03": "inner nodes shown as transactions of 64 bytes (CVE-2017-12842)",
	"B04": "output values that overflow (CVE-2010-5139)",
	"B05": "an output spent twice by one transaction (CVE-2018-17144)",
	"B06": "coinbases that repeat (CVE-2012-1909)",
	"B07": "no coinbase, another one, one of a wrong length",
	"B08": "blocks above the limits of size, weight and count",
	"B09": "too many signature operations",
	"B10": "what only a set of coins shows, or the order within a block",
	"B11": "a store that refuses a valid block",
	"B12": "blocks that take long",
	"B13": "buffers used again while somebody reads them (CVE-2024-52911)",
	"B14": "transaction versions below zero",
	"B15": "another block than the one asked for",
}

// shownIn says in which folders the tests of a kind of attack are.
var shownIn = map[string][]string{
	"W": {"parser", "fuzz", "adapter/link", "adapter/session", "adapter/dialer", "adapter/node"},
	"M": {"adapter/addrbook", "adapter/link", "adapter/session", "adapter/node"},
	"H": {"headerchain", "adapter/node"},
	"B": {"sandbox/claim", "fuzz", "bus/jetstream"},
}

func TestThreatsAreShown(t *testing.T) {
	shown := map[string][]string{}
	for kind, folders := range shownIn {
		id := regexp.MustCompile(`\b` + kind + `\d\d\b`)
		for _, folder := range folders {
			for test, comment := range testComments(t, folder) {
				for _, id := range id.FindAllString(comment, -1) {
					shown[id] = append(shown[id], folder+"."+test)
				}
			}
		}
	}
	for id, what := range threats {
		if len(shown[id]) == 0 {
			t.Errorf("no test shows %s: %s", id, what)
		}
	}
	for id, tests := range shown {
		if threats[id] == "" {
			t.Errorf("%v show %s, which is no threat", tests, id)
		}
	}
}

// testComments returns the comment of each test in a folder of the module.
func testComments(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(folder), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no tests, %v", folder, err)
	}
	comments := map[string]string{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range tree.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") {
				comments[f.Name.Name] = f.Doc.Text()
			}
		}
	}
	return comments
}
