package flight

import (
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// Line is one thing that happened.
type Line struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Story is what happened to a block or a peer.
type Story struct {
	// Of is a block's hash, or a peer's address and number.
	Of string `json:"of"`
	// Since is how far back the recording goes.
	Since time.Time `json:"since"`
	// Lines are in order of time, [MaxStory] at most; Earlier is how many there were
	// before them.
	Lines   []Line `json:"lines"`
	Earlier int    `json:"earlier"`
}

// String tells the story line by line, each with its time and how long after the first
// it was.
func (s *Story) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, recorded since %s\n", s.Of, s.Since.Format(time.RFC3339))
	if s.Earlier > 0 {
		fmt.Fprintf(&b, "%d lines are left out here\n", s.Earlier)
	}
	for _, l := range s.Lines {
		fmt.Fprintf(&b, "%s %+10.3fs  %s\n", l.At.Format("2006-01-02 15:04:05.000"), l.At.Sub(s.Lines[0].At).Seconds(), l.Text)
	}
	return b.String()
}

var (
	// ErrSubject says that what a story is asked of is neither a block nor a peer.
	ErrSubject = errors.New("neither a block hash, a height, a peer's address nor peer:NUMBER")
	// ErrUntold says that nothing of that block or peer is in the recording.
	ErrUntold = errors.New("nothing is recorded of it")
)

// Why tells the story of a block, by hash or by height, or of a peer, by the address
// that was dialled or as "peer:" and its number. It returns [ErrSubject] or [ErrUntold].
func (f *File) Why(of string) (*Story, error) {
	t := teller{story: Story{Of: of, Since: f.Since()}, addrs: map[node.PeerID]string{}, bodies: map[node.BodyID]bool{}}
	if err := t.choose(of, f); err != nil {
		return nil, err
	}
	for e := range f.Entries() {
		t.step(&e)
	}
	if len(t.story.Lines) == 0 {
		return nil, fmt.Errorf("%w: %s", ErrUntold, of)
	}
	if t.peers != nil {
		t.story.Of = t.name(t.peers[0])
	}
	return &t.story, nil
}

// teller picks what a story is about.
type teller struct {
	blocks []btc.Hash    // nil for the story of a peer
	peers  []node.PeerID // nil for the story of a block
	addrs  map[node.PeerID]string
	bodies map[node.BodyID]bool // of the block
	story  Story
}

// choose finds out what is asked for.
func (t *teller) choose(of string, f *File) error {
	if hash, err := btc.ParseHash(of); err == nil {
		t.blocks = []btc.Hash{hash}
		return nil
	}
	if height, err := strconv.ParseInt(of, 10, 32); err == nil {
		t.blocks = f.blocksAt(btc.Height(height))
		t.story.Of = fmt.Sprintf("block %d", height)
		for _, hash := range t.blocks {
			t.story.Of += " " + hash.String()
		}
		return untold(t.blocks, of)
	}
	if number, ok := strings.CutPrefix(of, "peer:"); ok {
		id, err := strconv.ParseUint(number, 10, 64)
		if err != nil {
			return fmt.Errorf("%w: %.80q", ErrSubject, of)
		}
		t.peers = []node.PeerID{node.PeerID(id)}
		return nil
	}
	if !strings.ContainsAny(of, ".:") {
		return fmt.Errorf("%w: %.80q", ErrSubject, of)
	}
	t.peers = f.peersAt(of)
	return untold(t.peers, of)
}

func untold[T any](found []T, of string) error {
	if len(found) == 0 {
		return fmt.Errorf("%w: %.80q", ErrUntold, of)
	}
	return nil
}

// blocksAt returns the blocks of a height that were stored or published.
func (f *File) blocksAt(height btc.Height) (hashes []btc.Hash) {
	note := func(hash btc.Hash, at btc.Height) {
		if at == height && !slices.Contains(hashes, hash) {
			hashes = append(hashes, hash)
		}
	}
	for e := range f.Entries() {
		if loaded, ok := e.Event.(node.JournalLoaded); ok {
			note(loaded.Tip, loaded.TipHeight)
		}
		for _, a := range e.Actions {
			switch a := a.(type) {
			case node.Store:
				note(a.Hash, a.Height)
			case node.Append:
				note(a.Hash, a.Height)
			}
		}
	}
	return hashes
}

// peersAt returns the connections to an address, with its port or without.
func (f *File) peersAt(of string) (ids []node.PeerID) {
	for e := range f.Entries() {
		for _, a := range e.Actions {
			if d, ok := a.(node.Dial); ok && (d.Addr.String() == of || d.Addr.Host() == of) {
				ids = append(ids, d.Peer)
			}
		}
	}
	return ids
}

// step adds what an entry says about the subject.
func (t *teller) step(e *Entry) {
	for _, a := range e.Actions {
		if d, ok := a.(node.Dial); ok {
			t.addrs[d.Peer] = d.Addr.String()
		}
	}
	concerns := t.concerns(e.Event)
	if concerns {
		t.say(e.Now, t.eventText(e.Event))
		if j, ok := e.Event.(node.BodyJudged); ok && t.blocks != nil && j.Body != 0 {
			t.bodies[j.Body] = true
		}
	}
	for _, a := range e.Actions {
		if t.concerns(a) || concerns && isVerdict(a) || t.dropsBody(a) || t.alarmOf(a) {
			t.say(e.Now, t.actionText(a))
		}
	}
}

func (t *teller) say(at time.Time, text string) {
	if len(t.story.Lines) == MaxStory {
		t.story.Lines = slices.Delete(t.story.Lines, 0, 1)
		t.story.Earlier++
	}
	t.story.Lines = append(t.story.Lines, Line{at.UTC(), text})
}

// isVerdict reports whether an action says what a peer's deed cost it.
func isVerdict(a node.Action) bool {
	switch a.(type) {
	case node.Ban, node.Disconnect, node.Fatal:
		return true
	}
	return false
}

func (t *teller) dropsBody(a node.Action) bool {
	d, ok := a.(node.Drop)
	return ok && t.bodies[d.Body]
}

// alarmOf reports whether an alarm names the subject.
func (t *teller) alarmOf(a node.Action) bool {
	alarm, ok := a.(node.Alarm)
	if !ok {
		return false
	}
	for _, hash := range t.blocks {
		if strings.Contains(alarm.Detail, hash.String()) {
			return true
		}
	}
	for _, id := range t.peers {
		if addr := t.addrs[id]; addr != "" && strings.Contains(alarm.Detail, addr) {
			return true
		}
	}
	return false
}

// concerns reports whether an event or action names the subject, by the fields that
// all types have for it: so it holds for types that are added later, too.
func (t *teller) concerns(v any) bool {
	if v == nil {
		return false
	}
	if t.peers != nil {
		peer, ok := fieldOf(v, "Peer").(node.PeerID)
		return ok && slices.Contains(t.peers, peer)
	}
	if hash, ok := fieldOf(v, "Hash").(btc.Hash); ok && slices.Contains(t.blocks, hash) {
		return true
	}
	if hash, ok := fieldOf(v, "Tip").(btc.Hash); ok && slices.Contains(t.blocks, hash) {
		return true
	}
	hashes, _ := fieldOf(v, "Hashes").([]btc.Hash)
	headers, _ := fieldOf(v, "Headers").([]btc.Header)
	return slices.ContainsFunc(hashes, func(h btc.Hash) bool { return slices.Contains(t.blocks, h) }) ||
		slices.ContainsFunc(headers, func(h btc.Header) bool { return slices.Contains(t.blocks, h.Hash()) })
}

// fieldOf returns a field of a struct, nil if it has none of that name.
func fieldOf(v any, name string) any {
	if field := reflect.ValueOf(v).FieldByName(name); field.IsValid() {
		return field.Interface()
	}
	return nil
}

// name says who a peer is.
func (t *teller) name(id node.PeerID) string {
	if addr := t.addrs[id]; addr != "" {
		return fmt.Sprintf("%s (peer:%d)", addr, id)
	}
	return fmt.Sprintf("peer:%d", id)
}

// rest prints a value of a type that has no words of its own.
func rest(v any) string {
	return strings.ReplaceAll(reflect.TypeOf(v).Name(), "_", " ") + " " + clip(fmt.Sprintf("%+v", v))
}

// clip quotes a text of a stranger, and no more than a line of it.
func clip(text string) string {
	if len(text) > maxBriefText {
		text = text[:maxBriefText]
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

func because(text, why string) string {
	if why == "" {
		return text
	}
	return text + ": " + clip(why)
}

func short(sum []byte) string { return hex.EncodeToString(sum[:8]) }
