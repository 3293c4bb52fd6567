package txstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"blockgate/internal/btc"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// sample returns a record and bytes that nobody takes for a transaction but the store.
func sample(n, size int) (Record, []byte) {
	raw := bytes.Repeat([]byte{byte(n)}, size)
	binary.LittleEndian.PutUint32(raw, uint32(n))
	return Record{
		Txid: btc.DoubleSHA256(raw[:8]), Wtxid: btc.DoubleSHA256(raw), Size: size,
		Submitted: noon.Add(time.Duration(n) * time.Second), Expires: noon.Add(time.Hour + time.Duration(n)*time.Second),
	}, raw
}

func open(t testing.TB, dir string, limits Limits) (*Store, []error) {
	t.Helper()
	var said []error
	s, err := Open(dir, limits, func(err error) { said = append(said, err) })
	if err != nil {
		t.Fatal(err)
	}
	return s, said
}

// quiet opens a folder in which all is well.
func quiet(t testing.TB, dir string, limits Limits) *Store {
	t.Helper()
	s, said := open(t, dir, limits)
	if len(said) > 0 {
		t.Fatalf("said %v", said)
	}
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What was written is there again after a start, each field of it.
func TestKeeps(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s := quiet(t, dir, Limits{})
	var want []Record
	for n, size := range []int{60, 61, 250, MaxTransaction} {
		r, raw := sample(n, size)
		must(t, s.Add(r, raw))
		want = append(want, r)
	}
	must(t, s.Note(want[1].Txid, Seen))
	must(t, s.Note(want[1].Txid, Seen))
	want[1].Progress = Seen
	for n := range MaxBlocks + 2 {
		block := btc.Hash{byte(n + 1)}
		must(t, s.Mined(want[2].Txid, block))
		must(t, s.Mined(want[2].Txid, block))
		want[2].Blocks = append(want[2].Blocks, block)
	}
	want[2].Blocks = want[2].Blocks[2:]
	must(t, s.Remove(want[0].Txid))
	must(t, s.Remove(want[0].Txid))
	want = want[1:]
	for _, s := range []*Store{s, quiet(t, dir, Limits{})} {
		if got := s.Records(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
		for n, size := range []int{61, 250, MaxTransaction} {
			_, raw := sample(n+1, size)
			if got, err := s.Raw(want[n].Txid); err != nil || !bytes.Equal(got, raw) {
				t.Errorf("transaction %d: %d bytes, %v", n+1, len(got), err)
			}
		}
		gone, _ := sample(0, 60)
		if _, err := s.Raw(gone.Txid); !errors.Is(err, ErrUnknown) {
			t.Errorf("removed: %v", err)
		}
		if err := s.Note(gone.Txid, Seen); !errors.Is(err, ErrUnknown) {
			t.Errorf("noted of what is not there: %v", err)
		}
		if err := s.Mined(gone.Txid, btc.Hash{}); !errors.Is(err, ErrUnknown) {
			t.Errorf("mined of what is not there: %v", err)
		}
	}
	info, err := os.Stat(dir)
	must(t, err)
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
}

// Submitted again, a transaction keeps what is known of it; with another witness it is
// another one under the same txid.
func TestAddAgain(t *testing.T) {
	s := quiet(t, t.TempDir(), Limits{Count: 1, Bytes: MaxBytes})
	r, raw := sample(1, 100)
	must(t, s.Add(r, raw))
	must(t, s.Note(r.Txid, Announced))
	must(t, s.Mined(r.Txid, btc.Hash{7}))
	later := r
	later.Submitted, later.Expires = noon.Add(2*time.Hour), noon.Add(3*time.Hour)
	must(t, s.Add(later, raw))
	want := r
	want.Expires, want.Progress, want.Blocks = later.Expires, Announced, []btc.Hash{{7}}
	if got := s.Records(); !reflect.DeepEqual(got, []Record{want}) {
		t.Errorf("the same again: %+v, want %+v", got, want)
	}
	other := append(bytes.Clone(raw), 9)
	later.Wtxid, later.Size = btc.DoubleSHA256(other), len(other)
	must(t, s.Add(later, other))
	if got := s.Records(); !reflect.DeepEqual(got, []Record{later}) {
		t.Errorf("with another witness: %+v, want %+v", got, later)
	}
}

func TestRefuses(t *testing.T) {
	r, raw := sample(1, 100)
	change := func(edit func(*Record)) Record { c := r; edit(&c); return c }
	long, bytesOfLong := sample(1, MaxTransaction+1)
	short, bytesOfShort := sample(1, 59)
	for name, c := range map[string]struct {
		r    Record
		raw  []byte
		want error
	}{
		"a byte too long":      {long, bytesOfLong, ErrTooLarge},
		"a byte too short":     {short, bytesOfShort, ErrDamaged},
		"another wtxid":        {change(func(r *Record) { r.Wtxid[0]++ }), raw, ErrDamaged},
		"too many blocks":      {change(func(r *Record) { r.Blocks = make([]btc.Hash, MaxBlocks+1) }), raw, ErrDamaged},
		"no such progress":     {change(func(r *Record) { r.Progress = progressEnd }), raw, ErrDamaged},
		"before 1970":          {change(func(r *Record) { r.Submitted = time.Unix(-1, 0) }), raw, ErrDamaged},
		"parts of seconds":     {change(func(r *Record) { r.Expires = r.Expires.Add(1) }), raw, ErrDamaged},
		"a time beyond 32 bit": {change(func(r *Record) { r.Expires = time.Unix(1<<32, 0) }), raw, ErrDamaged},
	} {
		s := quiet(t, t.TempDir(), Limits{})
		if err := s.Add(c.r, c.raw); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if len(s.Records()) > 0 || s.bytes != 0 {
			t.Errorf("%s: kept", name)
		}
	}
}

// M09: count and bytes are bounded, at n-1, n and n+1; what expired makes room, oldest
// first, and what was mined does not.
func TestFull(t *testing.T) {
	const size = 100
	for name, limits := range map[string]Limits{
		"count": {3, MaxBytes},
		"bytes": {MaxCount, 3 * fileSize(size)},
		"spare": {MaxCount, 4*fileSize(size) - 1},
	} {
		s := quiet(t, t.TempDir(), limits)
		for n := range 3 {
			r, raw := sample(n, size)
			must(t, s.Add(r, raw))
		}
		fourth, raw := sample(3, size)
		if err := s.Add(fourth, raw); !errors.Is(err, ErrFull) || len(s.Records()) != 3 {
			t.Fatalf("%s: %v, %d kept", name, err, len(s.Records()))
		}
		first, second := s.Records()[0], s.Records()[1]
		must(t, s.Mined(first.Txid, btc.Hash{1}))
		fourth.Submitted = second.Expires.Add(-time.Second)
		if err := s.Add(fourth, raw); !errors.Is(err, ErrFull) {
			t.Errorf("%s, a second before one expires: %v", name, err)
		}
		fourth.Submitted = second.Expires
		must(t, s.Add(fourth, raw))
		if got := s.Records(); len(got) != 3 || got[0].Txid != first.Txid || got[1].Txid == second.Txid {
			t.Errorf("%s: %+v", name, got)
		}
		if s.bytes != 3*fileSize(size) {
			t.Errorf("%s: %d bytes", name, s.bytes)
		}
	}
}

// Of a folder with more than the limits the rest is said, and left alone.
func TestOpenFull(t *testing.T) {
	dir := t.TempDir()
	s := quiet(t, dir, Limits{})
	for n := range 3 {
		r, raw := sample(n, 60)
		must(t, s.Add(r, raw))
	}
	s, said := open(t, dir, Limits{Count: 2, Bytes: MaxBytes})
	if len(s.Records()) != 2 || len(said) != 1 || !errors.Is(said[0], ErrFull) {
		t.Errorf("%d kept, said %v", len(s.Records()), said)
	}
	if s := quiet(t, dir, Limits{}); len(s.Records()) != 3 {
		t.Errorf("%d are left", len(s.Records()))
	}
}

// After a crash in the middle of a write the old file is there; each cut and each
// flipped bit of a file that is there is said, and the others are not harmed.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s := quiet(t, dir, Limits{})
	r, raw := sample(1, 60)
	r.Blocks, r.Progress = []btc.Hash{{1}, {2}}, Seen
	other, otherRaw := sample(2, 70)
	must(t, s.Add(r, raw))
	must(t, s.Add(other, otherRaw))
	path := filepath.Join(dir, nameOf(r.Txid))
	whole, err := os.ReadFile(path)
	must(t, err)
	try := func(what string, file []byte) {
		t.Helper()
		must(t, os.WriteFile(path, file, 0o600))
		s, said := open(t, dir, Limits{})
		if got := s.Records(); len(got) != 1 || got[0].Txid != other.Txid || len(said) != 1 || !errors.Is(said[0], ErrDamaged) {
			t.Fatalf("%s: %d kept, said %v", what, len(got), said)
		}
		if aside, err := os.ReadFile(path + damaged); err != nil || !bytes.Equal(aside, file) {
			t.Fatalf("%s: not set aside: %v", what, err)
		}
	}
	for n := range whole {
		try(fmt.Sprintf("cut at %d", n), whole[:n])
	}
	for bit := 0; bit < 8*len(whole); bit += 3 {
		file := bytes.Clone(whole)
		file[bit/8] ^= 1 << (bit % 8)
		try(fmt.Sprintf("bit %d", bit), file)
	}
	try("a byte more", append(bytes.Clone(whole), 0))
	theirs, err := os.ReadFile(filepath.Join(dir, nameOf(other.Txid)))
	must(t, err)
	try("another one's file", theirs)
	must(t, os.WriteFile(path+partial, whole[:100], 0o600))
	must(t, os.WriteFile(path, whole, 0o600))
	if got := quiet(t, dir, Limits{}).Records(); len(got) != 2 || !reflect.DeepEqual(got[0], r) {
		t.Errorf("after a crash while writing: %+v", got)
	}
	if _, err := os.Stat(path + partial); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was being written is still there: %v", err)
	}
}

// What is no regular file, or too long, is not read.
func TestHostileFiles(t *testing.T) {
	for name, plant := range map[string]func(path string) error{
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
		"pipe":    func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"link":    func(path string) error { return os.Symlink("/dev/zero", path) },
		"endless": func(path string) error { return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40)) },
		"a byte too long": func(path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, int64(MaxFile)+1))
		},
		"a text": func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("hello\n", 100)), 0o600) },
	} {
		dir := t.TempDir()
		must(t, plant(filepath.Join(dir, nameOf(btc.Hash{1}))))
		s, said := open(t, dir, Limits{})
		if len(s.Records()) != 0 || len(said) != 1 || !errors.Is(said[0], ErrDamaged) {
			t.Errorf("%s: %d kept, said %v", name, len(s.Records()), said)
		}
		if s := quiet(t, dir, Limits{}); len(s.Records()) != 0 {
			t.Errorf("%s: at the next start it is taken", name)
		}
	}
}

// A folder of any number of files is looked at for a bounded time, and damaged files do
// not pile up.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	for n := range maxDamaged + 3 {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d", n)+suffix+damaged), nil, 0o600))
	}
	quiet(t, dir, Limits{})
	names, err := os.ReadDir(dir)
	must(t, err)
	if len(names) != maxDamaged {
		t.Errorf("%d damaged files are kept, want %d", len(names), maxDamaged)
	}
	for n := range maxEntries + 1 - len(names) {
		must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d", n)), nil, 0o600))
	}
	if _, said := open(t, dir, Limits{}); len(said) != 1 {
		t.Errorf("said %v", said)
	}
}

// What the disk does not take is not kept, and what was there stays.
func TestDiskRefuses(t *testing.T) {
	dir := t.TempDir()
	s := quiet(t, dir, Limits{})
	r, raw := sample(1, 60)
	must(t, s.Add(r, raw))
	must(t, os.Mkdir(filepath.Join(dir, nameOf(r.Txid)+partial), 0o700)) // nobody can write there
	must(t, os.WriteFile(filepath.Join(dir, nameOf(r.Txid)+partial, "x"), nil, 0o600))
	if err := s.Note(r.Txid, Seen); err == nil {
		t.Error("noted on a disk that refuses")
	}
	if got := s.Records(); len(got) != 1 || got[0].Progress != Known {
		t.Errorf("%+v", got)
	}
	must(t, os.RemoveAll(dir))
	other, otherRaw := sample(2, 60)
	if err := s.Add(other, otherRaw); err == nil || len(s.Records()) != 1 {
		t.Errorf("added without a folder: %v", err)
	}
	if _, err := s.Raw(r.Txid); err == nil {
		t.Error("bytes of a file that is gone")
	}
	must(t, s.Remove(r.Txid))
	if s.bytes != 0 {
		t.Errorf("%d bytes of nothing", s.bytes)
	}
	must(t, os.WriteFile(dir, nil, 0o600))
	if _, err := Open(dir, Limits{}, nil); err == nil {
		t.Error("opened a file as a folder")
	}
}

// A folder that is changed at random stays what a map would be, across starts.
func TestRandomChanges(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	s := quiet(t, dir, Limits{})
	want := map[btc.Hash]Record{}
	for range 300 {
		r, raw := sample(dice.IntN(12), 60+dice.IntN(40))
		switch dice.IntN(6) {
		case 0, 1:
			must(t, s.Add(r, raw))
			if have, ok := want[r.Txid]; ok && have.Wtxid == r.Wtxid {
				have.Expires = r.Expires
				r = have
			}
			want[r.Txid] = r
		case 2:
			progress := Progress(dice.IntN(int(progressEnd)))
			if have, ok := want[r.Txid]; ok {
				must(t, s.Note(r.Txid, progress))
				have.Progress = progress
				want[r.Txid] = have
			}
		case 3:
			if have, ok := want[r.Txid]; ok {
				block := btc.Hash{byte(dice.IntN(8))}
				must(t, s.Mined(r.Txid, block))
				if !slices.Contains(have.Blocks, block) {
					have.Blocks = append(slices.Clone(have.Blocks), block)
					have.Blocks = have.Blocks[max(0, len(have.Blocks)-MaxBlocks):]
				}
				want[r.Txid] = have
			}
		case 4:
			must(t, s.Remove(r.Txid))
			delete(want, r.Txid)
		case 5:
			s = quiet(t, dir, Limits{})
		}
		got := map[btc.Hash]Record{}
		for _, r := range s.Records() {
			got[r.Txid] = r
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v\nwant %+v", got, want)
		}
	}
}

// FuzzDecode: what is taken is written again as the same bytes, and holds the
// transaction of its wtxid.
func FuzzDecode(f *testing.F) {
	for n, size := range []int{60, 61, 300} {
		r, raw := sample(n, size)
		r.Blocks = make([]btc.Hash, n)
		file, err := r.encode(raw)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(file)
		f.Add(file[:len(file)-1])
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, file []byte) {
		r, raw, err := decode(file)
		if err != nil {
			if !errors.Is(err, ErrDamaged) {
				t.Fatal(err)
			}
			return
		}
		again, err := r.encode(raw)
		if err != nil || !bytes.Equal(again, file) || btc.DoubleSHA256(raw) != r.Wtxid || r.Size != len(raw) {
			t.Fatalf("%x is written again as %x, %v", file, again, err)
		}
	})
}

// FuzzFile: a file with a right checksum, whatever it says, is taken as it is or set
// aside, and nothing else in the folder changes.
func FuzzFile(f *testing.F) {
	r, raw := sample(1, 60)
	file, err := r.encode(raw)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(file[:len(file)-32])
	f.Add(bytes.Repeat([]byte{0xff}, headSize))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := shaOf(body)
		path := filepath.Join(dir, nameOf(r.Txid))
		must(t, os.WriteFile(path, append(bytes.Clone(body), sum[:]...), 0o600))
		s, said := open(t, dir, Limits{})
		if n := len(s.Records()); n+len(said) != 1 {
			t.Fatalf("%d kept, said %v", n, said)
		}
		for _, have := range s.Records() {
			if have.Txid != r.Txid {
				t.Fatalf("%s is kept as %s", r.Txid, have.Txid)
			}
			if _, err := s.Raw(have.Txid); err != nil {
				t.Fatal(err)
			}
		}
	})
}
