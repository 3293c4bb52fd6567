package flight_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/flight"
	"blockgate/adapter/node"
)

// closedSet returns the names of the types of package node that have a method.
func closedSet(t *testing.T, method string) (names []string) {
	t.Helper()
	files, err := filepath.Glob("../node/*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name == method && len(f.Type.Params.List) == 0 {
				if of, ok := f.Recv.List[0].Type.(*ast.Ident); ok && ast.IsExported(of.Name) {
					names = append(names, of.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return names
}

// TestEveryTypeHasACode reads the closed sets from the source of package node. If it
// fails for a type that is new: docs/flight.md says what to add.
func TestEveryTypeHasACode(t *testing.T) {
	events, actions := flight.Types()
	for _, set := range []struct {
		method string
		types  []reflect.Type
	}{{"event", events}, {"action", actions}} {
		want := closedSet(t, set.method)
		if len(want) < 10 {
			t.Fatalf("only %v have the method %s", want, set.method)
		}
		var got []string
		for _, of := range set.types {
			got = append(got, of.Name())
		}
		for _, name := range want {
			if !slices.Contains(got, name) {
				t.Errorf("node.%s has no code: add a row to %ss.go, see docs/flight.md", name, set.method)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%ss: %d have a code, %d are there", set.method, len(got), len(want))
		}
	}
}

// fill puts something into every field that a value has, deep.
func fill(t *testing.T, rng *rand.Rand, v reflect.Value) {
	t.Helper()
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Unix(rng.Int64N(1<<33)-1<<32, rng.Int64N(1e9)).UTC()))
		return
	case netip.Prefix:
		b := make([]byte, 4+12*rng.IntN(2))
		addr, _ := netip.AddrFromSlice(b)
		v.Set(reflect.ValueOf(netip.PrefixFrom(addr, rng.IntN(8*len(b)+1))))
		return
	case addrbook.Addr:
		v.Set(reflect.ValueOf(anyAddr(t, rng)))
		return
	}
	switch v.Kind() { //nolint:exhaustive // what is no flat value ends the test
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint((rng.Uint64()|1)>>rng.IntN(64)&(1<<v.Type().Bits()-1) | 1)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(int64(rng.Uint64()|1)>>(64-v.Type().Bits())>>rng.IntN(v.Type().Bits()) | 1)
	case reflect.String:
		v.SetString(strings.Repeat("\x00\xffa", 1+rng.IntN(4)))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+rng.IntN(5), 8))
		for i := range v.Len() {
			fill(t, rng, v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, rng, v.Index(i))
		}
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(t, rng, field)
		}
	default:
		t.Fatalf("%v is no flat value: a recording cannot have it", v.Type())
	}
}

func anyAddr(t *testing.T, rng *rand.Rand) addrbook.Addr {
	t.Helper()
	sizes := map[uint8]int{1: 4, 2: 16, 4: 32, 5: 32}
	kind := []uint8{1, 2, 4, 5}[rng.IntN(4)]
	b := make([]byte, sizes[kind])
	for i := range b {
		b[i] = byte(rng.Uint64() | 1)
	}
	a, err := addrbook.FromWire(kind, b, uint16(rng.Uint64()))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestEveryFieldComesBack fills every field of every type: one that a codec leaves out
// comes back empty. A type in which nothing is set comes back, too.
func TestEveryFieldComesBack(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	events, actions := flight.Types()
	for _, of := range events {
		for round := range 20 {
			v := reflect.New(of).Elem()
			if round > 0 {
				fill(t, rng, v)
			}
			ev := v.Interface().(node.Event)
			if got := flight.EventBack(ev); !reflect.DeepEqual(got, ev) {
				t.Fatalf("%#v comes back as %#v: is there a field that its codec does not name?", ev, got)
			}
		}
	}
	for _, of := range actions {
		for round := range 20 {
			v := reflect.New(of).Elem()
			if round > 0 {
				fill(t, rng, v)
			}
			a := v.Interface().(node.Action)
			if got := flight.ActionBack(a); !reflect.DeepEqual(got, a) {
				t.Fatalf("%#v comes back as %#v: is there a field that its codec does not name?", a, got)
			}
		}
	}
}

// TestEverySettingComesBack does the same for the settings of the brain.
func TestEverySettingComesBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var cfg node.Config
	v := reflect.ValueOf(&cfg).Elem()
	var others []string // have a state of their own
	for field, value := range v.Fields() {
		if value.Kind() == reflect.Pointer {
			others = append(others, field.Name)
		} else {
			fill(t, rng, value)
		}
	}
	if got := flight.ConfigBack(cfg); !reflect.DeepEqual(got, cfg) {
		t.Errorf("%+v\ncomes back as\n%+v\nis there a setting that its codec does not name?", cfg, got)
	}
	if want := []string{"Chain", "Book"}; !slices.Equal(others, want) {
		t.Errorf("settings with a state of their own: %v, want %v: a recording must have them", others, want)
	}
}
