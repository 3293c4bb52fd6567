package flight_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"blockgate/adapter/flight"
)

// stored returns a recording of a whole service on regtest: 30 blocks from two peers,
// then a reorg of two blocks.
func stored(t testing.TB) []byte {
	t.Helper()
	packed, err := os.ReadFile("testdata/regtest.gz")
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	file, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

const rewrite = "go test ./cmd/blockgate -run TestRecord -rewrite-recording"

// TestStored reads a recording of another build. If it cannot, the form of the file has
// changed: Version goes up, and the recording is renewed.
func TestStored(t *testing.T) {
	file := stored(t)
	f, err := flight.Decode(file)
	if err != nil {
		t.Fatalf("%v: renew it by\n%s", err, rewrite)
	}
	if wrong := f.Recode(); wrong != "" {
		t.Fatal(wrong)
	}
	if !bytes.Equal(f.Append(nil), file) || f.Lost != "" {
		t.Errorf("it is written in another way, lost %q", f.Lost)
	}
	disconnected, err := f.Why("30")
	if err != nil {
		t.Fatal(err)
	}
	text := disconnected.String()
	if len(strings.Fields(disconnected.Of)) != 2+2 { // two blocks of that height
		t.Errorf("of %s", disconnected.Of)
	}
	for _, want := range []string{"is judged: proven", "is to be disconnected in the journal", "is connected in the journal, sequence "} {
		if !strings.Contains(text, want) {
			t.Errorf("no word of %q in\n%s", want, text)
		}
	}
}

// TestStoredReplays gives a brain of today what one of then was given. What it does may
// be something else by now; where it begins to is said.
func TestStoredReplays(t *testing.T) {
	f, err := flight.Decode(stored(t))
	if err != nil {
		t.Fatal(err)
	}
	brain, steps, err := f.Replay(nil)
	var diverged *flight.DivergedError
	switch {
	case errors.As(err, &diverged):
		t.Logf("the brain does other things than it did, from step %d on; renew it by\n%s", diverged.Step, rewrite)
	case err != nil:
		t.Fatal(err)
	case brain.Status(f.Since()).JournalHeight < 30 || steps < 100:
		t.Errorf("%d steps end in %+v", steps, brain.Status(f.Since()))
	}
}
