package claim_test

import (
	"crypto/sha256"
	"encoding/hex"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"

	"blockgate/internal/btc"
	"blockgate/internal/sha256d"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/verdict"
)

// proven returns a real block, proven; what a parser thinks of its rules is left out.
func proven(tb testing.TB, k *claim.Checker, r row, room *claim.Room) claim.Checked {
	tb.Helper()
	body := block(tb, r.File)
	said := walk(r.context(), body)
	said.Verdict = verdict.OK
	c, err := k.Check(r.context(), headerOf(body), body, said, room)
	if err != nil {
		tb.Fatalf("%s: %v", r.File, err)
	}
	return c
}

// All ids are those that another program found; places and sizes are those of a block
// that is cut into its transactions. Every engine gives the same.
func TestIds(t *testing.T) {
	for _, engine := range sha256d.Engines() {
		k := claim.NewChecker(sha256d.NewEngine(engine), anySolution{})
		var room claim.Room
		for _, r := range rows(t) {
			if (raceDetector || testing.Short()) && r.Size > 200_000 {
				continue
			}
			c := proven(t, k, r, &room)
			txids, wtxids := sha256.New(), sha256.New()
			at, stripped := btc.HeaderSize+len(btc.AppendCompactSize(nil, uint64(c.TxCount()))), 0
			begin := at
			for i := range c.TxCount() {
				tx := c.Tx(i)
				txid, wtxid := tx.Txid(), tx.Wtxid()
				txids.Write(txid[:])
				wtxids.Write(wtxid[:])
				raw := c.Body()[tx.Offset():][:tx.Len()]
				if tx.Offset() != at || tx.Weight() != 3*tx.StrippedSize()+tx.Len() || btc.DoubleSHA256(raw) != wtxid {
					t.Fatalf("%s: transaction %d is at %d, want %d; %d bytes, %d stripped", r.File, i, tx.Offset(), at, tx.Len(), tx.StrippedSize())
				}
				if segwit := raw[4] == 0; segwit != (tx.WitnessLen() > 0) || segwit != (txid != wtxid) || !segwit && tx.StrippedSize() != tx.Len() {
					t.Fatalf("%s: transaction %d: witness of %d bytes", r.File, i, tx.WitnessLen())
				}
				at += tx.Len()
				stripped += tx.StrippedSize()
			}
			if at != len(c.Body()) || begin+stripped != c.StrippedSize() {
				t.Errorf("%s: %d bytes, %d stripped", r.File, at, begin+stripped)
			}
			if got := hex.EncodeToString(txids.Sum(nil)); got != r.Txids {
				t.Errorf("%s by %v: txids %s, want %s", r.File, engine, got, r.Txids)
			}
			if got := hex.EncodeToString(wtxids.Sum(nil)); got != r.Wtxids {
				t.Errorf("%s by %v: wtxids %s, want %s", r.File, engine, got, r.Wtxids)
			}
			if c.HasCommitment() != r.Committed {
				t.Errorf("%s: commitment %v", r.File, c.HasCommitment())
			}
		}
	}
}

// A Checked whose room was used again panics; it never answers for another block. The
// rooms of two blocks do not meet.
func TestRoomUsedAgain(t *testing.T) {
	k := checker(t)
	all := rows(t)
	var one, two claim.Room
	first, second := proven(t, k, all[0], &one), proven(t, k, all[1], &two)
	if first.Tx(1).Txid() == second.Tx(1).Txid() || first.Tx(1) != proven(t, checker(t), all[0], new(claim.Room)).Tx(1) {
		t.Error("two rooms are one")
	}
	if _, err := k.Check(all[0].context(), first.Header(), nil, claim.Block{}, &one); err == nil || first.TxCount() == 0 {
		t.Errorf("a check that ended before it took the room spoils it: %v", err)
	}
	said := walk(all[1].context(), second.Body())
	said.Txs[0].Len++
	if _, err := k.Check(all[1].context(), second.Header(), second.Body(), said, &one); err == nil {
		t.Fatal("a lie was proven")
	}
	for name, use := range map[string]func(){
		"TxCount":     func() { first.TxCount() },
		"Tx":          func() { first.Tx(0) },
		"AppendClaim": func() { first.AppendClaim(nil) },
		"no such":     func() { second.Tx(second.TxCount()) },
		"below zero":  func() { second.Tx(-1) },
		"of none":     func() { (claim.Checked{}).Tx(0) },
	} {
		if !panics(use) {
			t.Errorf("%s: no panic", name)
		}
	}
	if (claim.Checked{}).TxCount() != 0 || (claim.Checked{}).AppendClaim(nil) != nil {
		t.Error("the zero Checked has transactions")
	}
}

func panics(f func()) (did bool) {
	defer func() { did = recover() != nil }()
	f()
	return false
}

// Many goroutines may read one Checked (B13: nothing is shared that somebody writes).
func TestCheckedIsReadByMany(t *testing.T) {
	r := rows(t)[0]
	var room claim.Room
	c := proven(t, checker(t), r, &room)
	want := c.AppendClaim(nil)
	first := c.Tx(0)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range c.TxCount() {
				if c.Tx(0) != first || string(c.AppendClaim(nil)) != string(want) {
					t.Error("another block")
				}
			}
		})
	}
	wg.Wait()
}

// Nobody outside can make a Checked but by Check: no field is exported, and no other
// function returns one.
func TestOnlyCheckMakesChecked(t *testing.T) {
	for _, made := range []reflect.Type{reflect.TypeFor[claim.Checked](), reflect.TypeFor[claim.CheckedTx](), reflect.TypeFor[claim.Room]()} {
		for field := range made.Fields() {
			if field.IsExported() {
				t.Errorf("%v: %s is exported", made, field.Name)
			}
		}
	}
	makers := map[string][]string{}
	for _, file := range sources(t) {
		for _, decl := range file.Decls {
			function, ok := decl.(*ast.FuncDecl)
			if !ok || function.Type.Results == nil {
				continue
			}
			for _, result := range function.Type.Results.List {
				if name, ok := result.Type.(*ast.Ident); ok && strings.HasPrefix(name.Name, "Checked") {
					makers[name.Name] = append(makers[name.Name], function.Name.Name)
				}
			}
		}
	}
	for made, want := range map[string]string{"Checked": "Check", "CheckedTx": "CheckTx Tx tx"} {
		if got := strings.Join(makers[made], " "); got != want {
			t.Errorf("%s is made by %q, want %q", made, got, want)
		}
	}
}

// sources are the files of the package that are no tests.
func sources(t *testing.T) []*ast.File {
	t.Helper()
	names, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}
