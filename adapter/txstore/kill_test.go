package txstore

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"

	"blockgate/internal/btc"
)

func shaOf(b []byte) [sha256.Size]byte { return sha256.Sum256(b) }

// writerEnv names the folder that the test binary, run again, writes to until it is
// killed.
const writerEnv = "TXSTORE_TEST_WRITER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		writeForEver(dir)
	}
	os.Exit(m.Run())
}

// say writes one line for the parent.
func say(words ...any) { _, _ = fmt.Fprintln(os.Stdout, words...) }

// writeForEver adds, notes and removes, and prints a line for each that returned.
func writeForEver(dir string) {
	s, err := Open(dir, Limits{}, func(err error) { say("said", err) })
	for n := 0; err == nil; n++ {
		size := 60 + n*997%5000
		if n%7 == 0 {
			size = 100_000
		}
		r, raw := sample(n, size)
		if err = s.Add(r, raw); err == nil {
			say("added", r.Txid)
			err = s.Note(r.Txid, Seen)
		}
		if err == nil {
			say("seen", r.Txid)
		}
		if n%3 == 0 && err == nil {
			err = s.Remove(r.Txid)
			say("removed", r.Txid)
		}
	}
	say("said", err)
	os.Exit(1)
}

// A process that is killed in the middle of whatever it does leaves each transaction of
// which it said so, whole; at most the last step is one further than it had said.
func TestKilled(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	program, err := os.Executable()
	must(t, err)
	for range 12 {
		dir := t.TempDir()
		cmd := exec.CommandContext(t.Context(), program)
		cmd.Env = []string{writerEnv + "=" + dir}
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		must(t, err)
		must(t, cmd.Start())
		state := map[btc.Hash]string{}
		last := btc.Hash{}
		lines := bufio.NewScanner(out)
		for kill := 1 + dice.IntN(60); lines.Scan(); kill-- {
			var word, id string
			if _, err := fmt.Sscan(lines.Text(), &word, &id); err != nil || word == "said" {
				t.Fatalf("%q %v", lines.Text(), err)
			}
			last, err = btc.ParseHash(id)
			must(t, err)
			state[last] = word
			if kill == 0 {
				must(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait() // killed
		s := quiet(t, dir, Limits{})
		for _, r := range s.Records() {
			if _, err := s.Raw(r.Txid); err != nil {
				t.Error(err)
			}
			if state[r.Txid] == "removed" {
				t.Errorf("%s is back", r.Txid)
			}
			if state[r.Txid] == "seen" && r.Progress != Seen {
				t.Errorf("%s: progress %d was said to be kept", r.Txid, r.Progress)
			}
			if state[r.Txid] == "" && len(state) > 0 && r.Progress != Known {
				t.Errorf("%s: more than one step further than was said", r.Txid)
			}
			delete(state, r.Txid)
		}
		for id, word := range state {
			if word != "removed" && !(id == last && word == "seen") { // it was to be removed next
				t.Errorf("%s was %s, and is lost", id, word)
			}
		}
	}
}
