package adapter

import (
	"maps"
	"strings"
	"sync"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// OtherWord counts what has no word of its own any more: see [Counts].
const OtherWord = "other"

// Counts are what an adapter counted since it began. Words are those of our own
// tables, of which there are few; keys are never a peer's bytes.
type Counts struct {
	Dials, DialsFailed, Connected uint64
	Headers                       uint64            // headers that peers sent, new or not
	Doubtful                      uint64            // bodies for which a second opinion was asked
	Ends                          map[string]uint64 // connections by the reason for which they ended
	Bans                          map[string]uint64 // by reason
	Bodies                        map[string]uint64 // bodies by what came of them
	Alarms                        map[string]uint64 // by code
	Transactions                  map[string]uint64 // of ours, by the state that they came to
	Received, Sent                map[string]uint64 // messages by command
	Dropped                       map[string]uint64 // of Received, by verdict: those that nobody looked into
	BytesIn, BytesOut             uint64            // payloads of those messages
	Connects, Disconnects, Resets uint64            // events of the journal
	Reorgs                        uint64
	ReorgDepth                    int // blocks that the last reorg took back
}

// counts is the shell's side of [Counts].
type counts struct {
	mu      sync.Mutex // guards all
	now     Counts     // but for Received and Sent
	resetTo btc.Height // of the reset that is being appended

	// Messages by command, those that link's policy names alone, so that counting one
	// allocates nothing; others counts the rest of those that came.
	received, sent map[link.Command]uint64
	others         uint64
}

// Counts returns what was counted. The maps are the caller's.
func (p *Pulse) Counts() Counts {
	p.counts.mu.Lock()
	defer p.counts.mu.Unlock()
	c := p.counts.now
	c.Received, c.Sent = named(p.counts.received), named(p.counts.sent)
	if p.counts.others > 0 {
		c.Received[OtherWord] = p.counts.others
	}
	for _, words := range []*map[string]uint64{&c.Ends, &c.Bans, &c.Bodies, &c.Alarms, &c.Transactions, &c.Dropped} {
		*words = maps.Clone(*words)
	}
	return c
}

// named returns counts by the names of the commands.
func named(counts map[link.Command]uint64) map[string]uint64 {
	words := make(map[string]uint64, len(counts))
	for command, count := range counts {
		words[command.String()] = count
	}
	return words
}

// word counts one more of a word. What stands behind a colon is no part of it.
func word(words *map[string]uint64, text string) {
	text, _, _ = strings.Cut(text, ":")
	if *words == nil {
		*words = map[string]uint64{}
	}
	if _, known := (*words)[text]; !known && len(*words) >= maxWords {
		text = OtherWord
	}
	(*words)[text]++
}

// countEvent counts what happened.
func (s *shell) countEvent(event node.Event) {
	c := &s.pulse.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case node.PeerUp:
		c.now.Connected++
	case node.DialFailed:
		c.now.DialsFailed++
	case node.PeerDown:
		if e.Reason != node.Reason(link.ReasonLocal.String()) { // that one was counted when the brain said so
			word(&c.now.Ends, string(e.Reason))
		}
	case node.HeadersReceived:
		c.now.Headers += uint64(len(e.Headers))
	case node.BodyDoubtful:
		c.now.Doubtful++
	case node.BodyJudged:
		word(&c.now.Bodies, OutcomeWord(e.Outcome))
	case node.BodyUnneeded:
		word(&c.now.Bodies, UnneededWord)
	case node.EventAppended:
		s.countAppended(e.Kind)
	}
}

// busWord is how the bus answered last.
type busWord struct {
	ok  bool
	why string // of our own errors, "" if ok or if it was not asked yet
}

// hear takes in an answer of the bus; other events say nothing of it.
func (b *busWord) hear(event node.Event) {
	switch e := event.(type) {
	case node.JournalLoaded, node.BodyStored, node.EventAppended:
		*b = busWord{ok: true}
	case node.JournalFailed:
		*b = busWord{why: e.Detail}
	case node.BodyStoreFailed:
		*b = busWord{why: e.Detail}
	case node.EventMoved:
		*b = busWord{why: e.Detail}
	}
}

// countAppended counts an event of the journal. A reorg ends with the first block
// that is connected after some were taken back. The counts are locked.
func (s *shell) countAppended(kind node.EventKind) {
	c := &s.pulse.counts.now
	switch {
	case kind == node.DisconnectBlock:
		c.Disconnects++
		s.walked++
		return
	case kind == node.Reset:
		c.Resets++
		s.walked += int(s.brain.Status(s.now()).JournalHeight - s.pulse.counts.resetTo) // the brain has not heard of it yet
		return
	case s.walked > 0:
		c.Reorgs++
		c.ReorgDepth, s.walked = s.walked, 0
	}
	c.Connects++
}

// UnneededWord counts bodies that came when the block was proven already.
const UnneededWord = "unneeded"

// OutcomeWord returns the word under which bodies with that outcome are counted.
func OutcomeWord(o node.Outcome) string {
	if o == node.OutcomeProven {
		return "proven"
	}
	return strings.TrimPrefix(string(o.Reason()), "body-")
}

// action counts what the brain said.
func (c *counts) action(action node.Action) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch a := action.(type) {
	case node.Dial:
		c.now.Dials++
	case node.Disconnect:
		word(&c.now.Ends, string(a.Reason))
	case node.Append:
		if a.Kind == node.Reset {
			c.resetTo = a.Height
		}
	case node.Ban:
		word(&c.now.Bans, string(a.Reason))
	case node.Alarm:
		word(&c.now.Alarms, string(a.Code))
	case node.TransactionMoved:
		word(&c.now.Transactions, a.State.String())
	}
}

// came counts a message that came. A command that link's policy does not name
// is counted as [OtherWord].
func (c *counts) came(command link.Command, verdict link.Verdict, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !command.Known():
		c.others++
	case c.received == nil:
		c.received = map[link.Command]uint64{command: 1}
	default:
		c.received[command]++
	}
	if verdict == link.Unknown || verdict == link.Drop || verdict == link.Ban {
		word(&c.now.Dropped, verdict.String())
	}
	c.now.BytesIn += uint64(max(0, size))
}

// went counts a message that went.
func (c *counts) went(command link.Command, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !command.Known(): // none of ours
	case c.sent == nil:
		c.sent = map[link.Command]uint64{command: 1}
	default:
		c.sent[command]++
	}
	c.now.BytesOut += uint64(max(0, size))
}
