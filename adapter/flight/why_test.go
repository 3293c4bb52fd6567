package flight_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"blockgate/adapter/flight"
	"blockgate/adapter/node"
)

func lines(s *flight.Story) (texts []string) {
	for _, l := range s.Lines {
		texts = append(texts, l.Text)
	}
	return texts
}

// TestWhyBlock tells of a block of which the first peer sent other bytes.
func TestWhyBlock(t *testing.T) {
	w := synced(t, 20)
	hash := w.chain[10].Hash()
	f := reread(t, w.recorder.File())
	story, err := f.Why(hash.String())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"11.0.0.1:1 (peer:1) sends its header, 11 of 20",
		"the block asked of ",
		"the block arrived from ",
		" is judged: body-merkle, bytes 0600000000000000..",
		"the block asked of ",
		"the block arrived from ",
		" is judged: proven, bytes ",
		" is banned until 2026-01-",
		"we leave ",
		"the block, height 11, goes to the journal to be stored",
		"the block is stored in the journal",
		"the block, height 11, is to be connected in the journal; final is 5",
		"the block is connected in the journal, sequence 11",
		"no event will name the block again",
	}
	got := lines(story)
	at := 0
	for _, text := range want {
		for at < len(got) && !strings.Contains(got[at], text) {
			at++
		}
		if at == len(got) {
			t.Fatalf("%q is not told in its place:\n%s", text, strings.Join(got, "\n"))
		}
		at++
	}
	for _, text := range got {
		if strings.Contains(text, "node.") || strings.Contains(text, "{") {
			t.Errorf("not in words: %s", text)
		}
	}
	if !slices.IsSortedFunc(story.Lines, func(a, b flight.Line) int { return a.At.Compare(b.At) }) || story.Of != hash.String() || !story.Since.Equal(f.Since()) {
		t.Errorf("%+v", story)
	}
	byHeight, err := f.Why("11")
	if err != nil || !slices.Equal(lines(byHeight), got) {
		t.Errorf("by height: %v, %v", byHeight, err)
	}
}

// TestWhyPeer tells of the peer that sent other bytes.
func TestWhyPeer(t *testing.T) {
	w := synced(t, 20)
	f := reread(t, w.recorder.File())
	var stories []string
	for _, of := range []string{"11.0.0.1:1", "12.0.0.1", "peer:1", "peer:2"} {
		story, err := f.Why(of)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Join(lines(story), "\n")
		if !strings.Contains(story.Of, " (peer:") {
			t.Errorf("of %s", story.Of)
		}
		for _, want := range []string{"is dialled", "is ready: height 20, services 0x9, /honest\\n/", "headers are asked of", " headers, the last is of " + w.chain[19].Hash().String(), "asked of "} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: no word of %q in\n%s", of, want, text)
			}
		}
		stories = append(stories, text)
	}
	if stories[0] != stories[2] || stories[1] != stories[3] || stories[0] == stories[1] {
		t.Error("address and number tell of different peers")
	}
	first, second := strings.Contains(stories[0], "11.0.0.1:1 (peer:1) is banned until"), strings.Contains(stories[1], "12.0.0.1:2 (peer:2) is banned until")
	if first == second {
		t.Errorf("one of them lied: %v, %v", first, second)
	}
}

// TestWhyEveryType has words for all that there is: a stranger's text is quoted.
func TestWhyEveryType(t *testing.T) {
	hash := mine(1)[0].Hash()
	r := flight.New("", start, config(1))
	for i, ev := range []node.Event{
		node.NotFound{Peer: 1, Hashes: hashesOf(hash)},
		node.BodyUnneeded{Peer: 1, Hash: hash},
		node.BodyDoubtful{Peer: 1, Hash: hash},
		node.BodyProgress{Peer: 1, Hash: hash, Bytes: 5, Paused: true},
		node.OperatorAcceptReorg{Hash: hash},
		node.OperatorInvalidate{Hash: hash},
		node.OperatorReconsider{Hash: hash},
		node.JournalLoaded{Tip: hash, TipHeight: 1},
		node.JournalHeader{Hash: hash, Detail: "no\nsuch"},
		node.BodyStoreFailed{Hash: hash, Detail: "down"},
		node.BlocksAnnounced{Peer: 1, Hashes: hashesOf(hash, hash)},
		node.EventAppended{Hash: hash, Kind: node.DisconnectBlock},
	} {
		r.Stepped(start.Add(time.Duration(i)), ev, []node.Action{
			node.Alarm{Code: node.AlarmParked, Detail: "block " + hash.String()},
			node.OperatorTold{Hash: hash, Refused: "no"},
			node.FetchHeader{Hash: hash},
			node.Fatal{Code: node.FatalStartConflict, Detail: "x"},
			node.Alarm{Detail: "other"},
		})
	}
	story, err := r.File().Why(hash.String())
	if err != nil {
		t.Fatal(err)
	}
	if len(story.Lines) != 12*5 {
		t.Errorf("%d lines", len(story.Lines))
	}
	for _, text := range lines(story) {
		if strings.ContainsAny(text, "\n") || len(text) < 10 {
			t.Errorf("%q", text)
		}
	}
}

func TestWhyNothing(t *testing.T) {
	f := synced(t, 3).recorder.File()
	for of, want := range map[string]error{
		"": flight.ErrSubject, "peer:x": flight.ErrSubject, "mainnet": flight.ErrSubject,
		"peer:99": flight.ErrUntold, "4000": flight.ErrUntold, "99.0.0.1:1": flight.ErrUntold,
		strings.Repeat("f", 64): flight.ErrUntold,
	} {
		if _, err := f.Why(of); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", of, err, want)
		}
	}
}

// TestWhyIsBounded tells the end of a story that is too long.
func TestWhyIsBounded(t *testing.T) {
	r := flight.New("", start, config(1))
	for i := range flight.MaxStory + 2 {
		r.Stepped(start, node.DialFailed{Peer: 1, Detail: fmt.Sprint(i)}, nil)
		if i < flight.MaxStory-1 {
			continue
		}
		story, err := r.File().Why("peer:1")
		if err != nil {
			t.Fatal(err)
		}
		last := story.Lines[len(story.Lines)-1].Text
		if len(story.Lines) != flight.MaxStory || story.Earlier != i+1-flight.MaxStory || !strings.HasSuffix(last, fmt.Sprint(i)) {
			t.Errorf("%d lines, %d earlier, the last is %s", len(story.Lines), story.Earlier, last)
		}
	}
}
