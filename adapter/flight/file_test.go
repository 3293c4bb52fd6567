package flight_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"testing"
	"time"

	"blockgate/adapter/flight"
	"blockgate/adapter/node"
)

// seal puts the checksum behind what stands before it.
func seal(body []byte) []byte {
	sum := sha256.Sum256(body)
	return append(slices.Clip(body), sum[:]...)
}

func TestFileComesBack(t *testing.T) {
	w := synced(t, 10)
	w.recorder.Stepped(w.now, node.Tick{}, []node.Action{node.Ban{Peer: 1, Until: start.Add(time.Hour), Reason: "x"}})
	file := w.recorder.File().Append([]byte("before"))
	file = file[len("before"):]
	f, err := flight.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	if again := f.Append(nil); !bytes.Equal(again, file) {
		t.Error("it is written in another way")
	}
	if wrong := f.Recode(); wrong != "" {
		t.Error(wrong)
	}
}

// TestFileIsACopy goes on recording after the copy was made.
func TestFileIsACopy(t *testing.T) {
	w := newWorld(t, mine(30))
	w.preload(w.chain[:3])
	w.ticks(1)
	f := w.recorder.File()
	before := f.Append(nil)
	w.recorder.SetMax(2 * flight.ChunkRoom)
	for range 50_000 {
		w.recorder.Stepped(w.now, node.EventMoved{Detail: "filled up with something"}, nil)
	}
	if !bytes.Equal(f.Append(nil), before) {
		t.Error("the copy changed")
	}
}

func TestDecodeRefuses(t *testing.T) {
	good := synced(t, 3).recorder.File().Append(nil)
	body := good[:len(good)-sha256.Size]
	for n := range good {
		if _, err := flight.Decode(good[:n]); !errors.Is(err, flight.ErrCorrupt) {
			t.Fatalf("%d bytes of %d: %v", n, len(good), err)
		}
	}
	for n := len("blockgate-flight\n") + 1; n < len(body); n++ {
		if _, err := flight.Decode(seal(body[:n])); !errors.Is(err, flight.ErrCorrupt) {
			t.Fatalf("%d bytes of %d, with a checksum: %v", n, len(body), err)
		}
	}
	other := bytes.Clone(body)
	other[len("blockgate-flight\n")]++
	for _, tt := range []struct {
		name string
		file []byte
		want error
	}{
		{"nothing", nil, flight.ErrCorrupt},
		{"another file", bytes.Repeat([]byte("x"), 200), flight.ErrCorrupt},
		{"another version", seal(other), flight.ErrVersion},
		{"a byte more", seal(append(bytes.Clone(body), 0)), flight.ErrCorrupt},
		{"too long", make([]byte, flight.MaxFile+1), flight.ErrCorrupt},
		{"checksum", append(bytes.Clone(body), make([]byte, sha256.Size)...), flight.ErrCorrupt},
	} {
		if _, err := flight.Decode(tt.file); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// FuzzDecode reads any bytes with a right checksum. What is read is written to the same
// bytes, entry for entry; its stories end; and a replay ends in one way or another.
func FuzzDecode(f *testing.F) {
	r := flight.New("v0", start, config(1))
	brain := node.New(config(1))
	add := func(now time.Time, ev node.Event) { r.Stepped(now, ev, brain.Step(now, ev)) }
	add(start, node.Tick{})
	add(start.Add(1), node.PeerUp{Peer: 1, Services: 9, UserAgent: "/x/"})
	chain := mine(3)
	add(start.Add(time.Second), node.HeadersReceived{Peer: 1, Headers: chain})
	add(start.Add(time.Minute), node.JournalLoaded{Empty: true})
	r.Stepped(start, nil, []node.Action{nil, node.Drop{Body: 3}})
	whole := r.File().Append(nil)
	skip := len("blockgate-flight\n") + 1
	f.Add(whole[skip : len(whole)-sha256.Size])
	service := stored(f)
	f.Add(service[skip : len(service)-sha256.Size])
	empty := flight.New("", time.Time{}, node.Config{}).File().Append(nil)
	f.Add(empty[skip : len(empty)-sha256.Size])
	f.Fuzz(func(t *testing.T, body []byte) {
		file := seal(append(bytes.Clone(whole[:skip]), body...))
		got, err := flight.Decode(file)
		if err != nil {
			if !errors.Is(err, flight.ErrCorrupt) {
				t.Fatal(err)
			}
			return
		}
		if again := got.Append(nil); !bytes.Equal(again, file) {
			t.Fatalf("%x\nis written as\n%x", file, again)
		}
		if wrong := got.Recode(); wrong != "" {
			t.Fatal(wrong)
		}
		for _, of := range []string{"peer:1", "1", chain[0].Prev().String(), chain[1].Prev().String(), "11.0.0.1:1"} {
			story, err := got.Why(of)
			if err == nil && len(story.Lines) == 0 || err != nil && !errors.Is(err, flight.ErrUntold) {
				t.Fatalf("%s: %v", of, err)
			}
		}
	})
}
