package simnet

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag = flag.Int64("seed", -1, "play the run of this seed alone and show the end of its transcript")
	runsFlag = flag.Int("runs", 0, "play so many runs in place of the usual number")
	fromFlag = flag.Int64("from", 0, "the first seed")
	fileFlag = flag.String("transcript", "", "write the whole transcript of -seed to this file")
)

// usualRuns is how many seeds every test run plays: less than a minute of CPU, and each
// trait comes up in them. "make sim" plays more.
const usualRuns = 500

// sharedLibrary mines the chains once for all tests.
var sharedLibrary = sync.OnceValue(NewLibrary)

// TestSim plays seeds: by one honest peer that can be reached, among up to 50 of which
// four in five are hostile, the honest chain is published in time, every promise is
// kept after each step, and no honest peer is banned (M01, M03, M05, M06, M15, M18,
// M22). A failing seed says how it is played again.
func TestSim(t *testing.T) {
	if *seedFlag >= 0 {
		playSeed(t, uint64(*seedFlag))
		return
	}
	runs := usualRuns
	switch {
	case *runsFlag > 0:
		runs = *runsFlag
	case raceDetector:
		runs = 6
	case testing.Short():
		runs = 40
	}
	f := playMany(t, uint64(*fromFlag), runs)
	f.log(t)
	if runs >= usualRuns && f.traits&(hostileEnd-1) != hostileEnd-1 {
		t.Errorf("no peer is %s", (hostileEnd-1)&^f.traits)
	}
	if share := 100 * f.hostile / max(1, f.peers); runs >= usualRuns && (share < hostileShare-5 || share > hostileShare+10) {
		t.Errorf("%d %% of the peers are hostile, want about %d %%", share, hostileShare)
	}
}

// playSeed plays one seed and shows what happened.
func playSeed(t *testing.T, seed uint64) {
	t.Helper()
	path := *fileFlag
	if path == "" {
		path = filepath.Join(t.TempDir(), fmt.Sprintf("seed%d.txt", seed))
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	report := Play(sharedLibrary(), seed, file)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("seed %d:\n%s", seed, strings.Join(report.Tail, "\n"))
	for _, wrong := range report.Wrong {
		t.Errorf("seed %d: %s", seed, wrong)
	}
}

// playMany plays seeds on all processors, and shows those that fail.
func playMany(t *testing.T, from uint64, runs int) *figures {
	t.Helper()
	library := sharedLibrary()
	f := &figures{runs: runs, began: time.Now()} //nolint:forbidigo // how long it takes is for people
	var next atomic.Uint64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < uint64(runs) && !f.enough(); i = next.Add(1) - 1 {
				seed := from + i
				report := Play(library, seed, nil)
				f.add(t, seed, &report)
				if len(report.Wrong) > 0 {
					failed := Play(library, seed, io.Discard) // the same, with a transcript
					t.Errorf("seed %d: %s\nreplay: go test ./adapter/simnet -run 'TestSim$' -v -seed %d\n%s",
						seed, strings.Join(report.Wrong, "; "), seed, strings.Join(failed.Tail[max(0, len(failed.Tail)-shownLines):], "\n"))
				}
			}
		})
	}
	workers.Wait()
	return f
}

const (
	// shownLines is how much of the transcript of each failing seed is shown, and
	// maxFailing how many seeds may fail before no more are played.
	shownLines, maxFailing = 40, 5
	// progressInterval is how often a long series says how far it is.
	progressInterval = 10 * time.Second
)

// figures adds up what came of many runs.
type figures struct {
	mu            sync.Mutex
	began, told   time.Time
	runs, done    int
	failing       int
	peers         int
	hostile       int
	blocks        int
	steps         int
	actions       int
	requests      int
	asked         int
	bans          int
	mostBytes     int
	mostHeld      int
	mostHeaders   int
	mostRequests  int
	traits        trait
	synced        []time.Duration
	tightest      float64 // part of the time allowed that was needed
	tightestSeed  uint64
	mostAsked     int
	mostAskedSeed uint64
}

func (f *figures) enough() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failing >= maxFailing
}

func (f *figures) add(t *testing.T, seed uint64, r *Report) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done++
	if len(r.Wrong) > 0 {
		f.failing++
	}
	f.peers += r.Peers
	f.hostile += r.Hostile
	f.blocks += r.Blocks
	f.steps += r.Steps
	f.actions += r.Actions
	f.requests += r.Requests
	f.asked += r.Asked
	f.bans += r.Bans
	f.mostBytes = max(f.mostBytes, r.MostBytes)
	f.mostHeld = max(f.mostHeld, r.MostHeld)
	f.mostHeaders = max(f.mostHeaders, r.MostHeaders)
	f.mostRequests = max(f.mostRequests, r.MostRequests)
	if r.MostAsked > f.mostAsked {
		f.mostAsked, f.mostAskedSeed = r.MostAsked, seed
	}
	f.traits |= trait(r.Traits)
	f.synced = append(f.synced, r.Synced)
	if part := float64(r.Synced) / float64(r.Most); part > f.tightest {
		f.tightest, f.tightestSeed = part, seed
	}
	now := time.Now() //nolint:forbidigo // how long it takes is for people
	if f.told.IsZero() {
		f.told = now
	}
	if now.Sub(f.told) >= progressInterval {
		f.told = now
		rate := float64(f.done) / now.Sub(f.began).Seconds()
		t.Logf("%d of %d runs, %.0f a second, %v left", f.done, f.runs, rate,
			time.Duration(float64(f.runs-f.done)/rate*float64(time.Second)).Round(time.Second))
	}
}

func (f *figures) log(t *testing.T) {
	t.Helper()
	slices.Sort(f.synced)
	at := func(part float64) time.Duration {
		return f.synced[int(part*float64(len(f.synced)-1))].Round(10 * time.Millisecond)
	}
	took := time.Since(f.began) //nolint:forbidigo // how long it takes is for people
	t.Logf("%d runs in %v, %d failed; %d peers, %d hostile, %d banned; %d blocks, asked for %d times, one %d times (seed %d)",
		f.done, took.Round(time.Second), f.failing, f.peers, f.hostile, f.bans, f.blocks, f.asked, f.mostAsked, f.mostAskedSeed)
	t.Logf("%d events, %d actions, %d requests, at most %d to one connection in a minute", f.steps, f.actions, f.requests, f.mostRequests)
	t.Logf("honest tip published after the last block and fault: median %v, 99 %% %v, most %v; most of the time allowed: %.0f %% (seed %d)",
		at(0.5), at(0.99), at(1), 100*f.tightest, f.tightestSeed)
	t.Logf("at most %d MiB of bodies on their way, %d proven bodies held, %d headers", f.mostBytes>>20, f.mostHeld, f.mostHeaders)
}

// TestReplay plays seeds twice, with a transcript: it must be the same, byte by byte,
// and without one the run is the same too.
func TestReplay(t *testing.T) {
	seeds := []uint64{1, 6, 16, 58, 77, 101}
	if raceDetector {
		seeds = seeds[:2]
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			var first, second bytes.Buffer
			a, b, silent := Play(sharedLibrary(), seed, &first), Play(sharedLibrary(), seed, &second), Play(NewLibrary(), seed, nil)
			if !bytes.Equal(first.Bytes(), second.Bytes()) {
				t.Errorf("two transcripts differ: %s", firstDifference(first.String(), second.String()))
			}
			if a.Digest != b.Digest || a.Digest != silent.Digest || a.Steps != silent.Steps {
				t.Errorf("digests %x, %x and %x without transcript", a.Digest, b.Digest, silent.Digest)
			}
			if first.Len() < 10_000 || len(a.Tail) == 0 {
				t.Errorf("the transcript has %d bytes", first.Len())
			}
		})
	}
}

func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("line %d: %q and %q", i+1, as[i], bs[i])
		}
	}
	return "one is longer"
}

// TestSeedsDiffer checks that seeds lead to different runs.
func TestSeedsDiffer(t *testing.T) {
	seen := map[uint64]uint64{}
	for seed := range uint64(8) {
		digest := Play(sharedLibrary(), seed, nil).Digest
		if other, ok := seen[digest]; ok {
			t.Errorf("seeds %d and %d do the same", seed, other)
		}
		seen[digest] = seed
	}
}
