package addrbook_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/internal/btc"
)

func TestFlatComesBack(t *testing.T) {
	for _, text := range []string{
		"11.0.0.1:8333", "[2001:db8::1]:0", "[fc00::1]:65535",
		"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333",
		"ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0", "",
	} {
		var a addrbook.Addr
		if text != "" {
			var err error
			if a, err = addrbook.ParseAddr(text); err != nil {
				t.Fatal(err)
			}
		}
		flat := a.AppendFlat([]byte("before"))[len("before"):]
		got, rest, ok := addrbook.CutFlat(append(bytes.Clone(flat), "rest"...))
		if !ok || got != a || string(rest) != "rest" {
			t.Errorf("%s comes back as %v, %q, %v", text, got, rest, ok)
		}
		for n := range flat {
			if _, rest, ok := addrbook.CutFlat(flat[:n]); ok || len(rest) != n {
				t.Errorf("%s: %d bytes of %d are read", text, n, len(flat))
			}
		}
	}
	for _, kind := range []byte{3, 7, 255} {
		if _, _, ok := addrbook.CutFlat(append([]byte{kind}, make([]byte, 40)...)); ok {
			t.Errorf("kind %d is read", kind)
		}
	}
	unusual := addrbook.FromAddrPort(netip.MustParseAddrPort("[fd87:d87e:eb43::1]:1")) // no book takes it
	if got, _, ok := addrbook.CutFlat(unusual.AppendFlat(nil)); !ok || got != unusual {
		t.Errorf("%v comes back as %v, %v", unusual, got, ok)
	}
}

// TestBookGoesOnFromItsFile: a book that was just made and one from its file, with its
// chance, do the same ever after.
func TestBookGoesOnFromItsFile(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	cfg := addrbook.Config{Network: btc.Regtest, Secret: [32]byte{1}, Seed: 77}
	first := addrbook.New(cfg)
	for i := range 300 {
		found := addrbook.FromAddrPort(netip.MustParseAddrPort(fmt.Sprintf("%d.%d.0.1:8333", 20+i%90, i%256)))
		first.AddDNS(fmt.Sprint(i%9), []addrbook.Addr{found}, 9, now)
	}
	made, err := addrbook.Decode(first.Append(nil), cfg)
	if err != nil {
		t.Fatal(err)
	}
	again, err := addrbook.Decode(made.Append(nil), addrbook.Config{Network: btc.Regtest, Seed: made.Chance(), Systems: made.Systems()})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		now = now.Add(time.Minute)
		one, ok := made.Pick(addrbook.Wanted{}, now)
		two, ok2 := again.Pick(addrbook.Wanted{}, now)
		if one != two || ok != ok2 {
			t.Fatalf("pick %d is %v and %v", i, one, two)
		}
		for _, b := range []*addrbook.Book{made, again} {
			b.Attempt(one.Addr, i%2 == 0, now)
			if i%3 == 0 {
				b.Good(one.Addr, now)
			}
		}
	}
	if !bytes.Equal(made.Append(nil), again.Append(nil)) || made.Chance() != again.Chance() {
		t.Error("the books are not the same")
	}
}
