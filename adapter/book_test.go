package adapter_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

var bookTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func bookConfig(network btc.Network) addrbook.Config {
	return addrbook.Config{Network: network, Secret: [32]byte{1, 2, 3}, Seed: 7}
}

// filledBook returns a book with some addresses and an anchor.
func filledBook(network btc.Network) *addrbook.Book {
	book := addrbook.New(bookConfig(network))
	var addrs []addrbook.Addr
	for i := range byte(20) {
		addrs = append(addrs, addrbook.FromAddrPort(netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, i, 1, 1}), 8333)))
	}
	book.AddDNS("seed", addrs, 9, bookTime)
	book.Good(addrs[0], bookTime)
	book.SetAnchors(addrs[:1])
	return book
}

func openBook(t *testing.T, path string) (*addrbook.Book, *adapter.BookFile, string) {
	t.Helper()
	var said bytes.Buffer
	book, file, err := adapter.OpenBook(path, bookConfig(btc.Mainnet), slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return book, file, said.String()
}

func TestBookIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "addresses")
	book, file, said := openBook(t, path)
	if book.Len() != 0 || said != "" {
		t.Errorf("%d addresses from no file; said %q", book.Len(), said)
	}
	for i, text := range [][]byte{filledBook(btc.Mainnet).Append(nil), book.Append(nil), filledBook(btc.Mainnet).Append(nil)} {
		if err := file.Save(text); err != nil {
			t.Fatal(err)
		}
		read, _, said := openBook(t, path)
		if !bytes.Equal(read.Append(nil), text) || said != "" {
			t.Errorf("save %d: other bytes come back; said %q", i, said)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: others may read the secret", info.Mode(), err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("%v %v, want the book alone", entries, err)
	}
}

// TestBadBook puts what is no book aside, says so, and begins anew.
func TestBadBook(t *testing.T) {
	good := filledBook(btc.Mainnet).Append(nil)
	flipped := bytes.Clone(good)
	flipped[len(flipped)/2] ^= 1
	later := bytes.Clone(good)
	later[7]++
	for _, c := range []struct {
		name string
		text []byte
		says string
	}{
		{"empty", nil, "corrupt"},
		{"cut off", good[:len(good)-1], "corrupt"},
		{"a bit flipped", flipped, "corrupt"},
		{"too long", make([]byte, addrbook.MaxFileSize+1), "corrupt"},
		{"another version", later, "version"},
		{"another network", filledBook(btc.Signet).Append(nil), "network"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "addresses")
			for _, before := range []string{"an older one", string(c.text)} {
				if err := os.WriteFile(path+".bad", []byte(before), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, c.text, 0o600); err != nil {
					t.Fatal(err)
				}
				book, file, said := openBook(t, path)
				if book.Len() != 0 || !strings.Contains(said, c.says) || !strings.Contains(said, path+".bad") {
					t.Errorf("%d addresses; said %q", book.Len(), said)
				}
				if kept, err := os.ReadFile(path + ".bad"); err != nil || !bytes.Equal(kept, c.text) {
					t.Errorf("the bad book is not kept aside: %v", err)
				}
				if err := file.Save(book.Append(nil)); err != nil {
					t.Error(err)
				}
				if _, _, said := openBook(t, path); said != "" {
					t.Errorf("the new book: %q", said)
				}
			}
		})
	}
}

// TestBookAfterPowerCut finds the book whole whatever was being written beside it.
func TestBookAfterPowerCut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "addresses")
	_, file, _ := openBook(t, path)
	good := filledBook(btc.Mainnet).Append(nil)
	if err := file.Save(good); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", good[:100], 0o600); err != nil {
		t.Fatal(err)
	}
	if book, _, said := openBook(t, path); book.Len() != 20 || said != "" {
		t.Errorf("%d addresses; said %q", book.Len(), said)
	}
	if err := file.Save(good); err != nil {
		t.Error(err)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if err := file.Save(good); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("saved into no folder: %v", err)
	}
}

// TestBookOfRun saves the book in an order that ends well: at the end of a run it has
// all that it had.
func TestBookOfRun(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "addresses")
	chain := fakepeer.First600()
	w := newWorld(t, chain, fakepeer.Script{})
	_, file, _ := openBook(t, path)
	w.config.Node.Book, w.config.Node.ConnectOnly, w.config.Book = filledBook(btc.Mainnet), true, file
	w.run()
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	w.stop()
	if book, _, said := openBook(t, path); book.Len() != 20 || book.Stats().Tried != 1 || said != "" {
		t.Errorf("%+v; said %q", book.Stats(), said)
	}
}

// TestIdle lets all peers go when nobody wants blocks, and is at work again within two
// seconds of the first who does.
func TestIdle(t *testing.T) {
	t.Parallel()
	chain := fakepeer.First600()
	w := newWorld(t, chain, fakepeer.Script{}, fakepeer.Script{})
	demand := make(chan bool)
	w.config.Demand, w.config.Node.IdleAfter, w.config.Node.ConnectOnly = demand, 500*time.Millisecond, true
	w.run()
	demand <- true
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	demand <- false
	w.log.await(t, "both peers let go", nth(2, isIdle))
	demand <- true
	asked := time.Now()
	w.log.await(t, "a peer that is back", nth(3, func(record map[string]any) bool { return record["msg"] == "peer ready" }))
	took := time.Since(asked)
	t.Logf("a peer was back %v after somebody asked", took)
	if took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
	w.stop()
	if peers := w.log.banned(); len(peers) > 0 {
		t.Errorf("%v were banned", peers)
	}
}

// nth matches the record that is the nth to match.
func nth(n int, ok func(map[string]any) bool) func(map[string]any) bool {
	return func(record map[string]any) bool {
		if ok(record) {
			n--
		}
		return n == 0
	}
}

func isIdle(record map[string]any) bool {
	return record["msg"] == "peer dropped" && record["reason"] == string(node.ReasonIdle)
}

// TestReasonsOfTheTransport holds the brain's table of costs to the transport's words.
func TestReasonsOfTheTransport(t *testing.T) {
	for _, r := range link.Reasons() {
		cost := node.Reason(r.String()).Cost()
		if cost == node.CostUnknown || r.Ban() != (cost == node.Discourages) {
			t.Errorf("%v: costs %v, but the transport says ban %v", r, cost, r.Ban())
		}
	}
}
