package flight

import (
	"fmt"
	"slices"
	"time"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// eventText says in words what happened.
func (t *teller) eventText(ev node.Event) string {
	switch e := ev.(type) {
	case node.PeerUp:
		return fmt.Sprintf("%s is ready: height %d, services %#x, %s, encrypted %v", t.name(e.Peer), e.StartHeight, e.Services, clip(e.UserAgent), e.Encrypted)
	case node.DialFailed:
		return because("no connection to "+t.name(e.Peer), e.Detail)
	case node.PeerDown:
		text := because(because("the connection to "+t.name(e.Peer)+" is over", string(e.Reason)), e.Detail)
		if e.Ban {
			return text + "; no honest peer does that"
		}
		return text
	case node.AddrsHeard:
		return fmt.Sprintf("%s sends %d addresses", t.name(e.Peer), len(e.Addrs))
	case node.HeadersReceived:
		return t.headersText(e)
	case node.BlocksAnnounced:
		return fmt.Sprintf("%s announces %s", t.name(e.Peer), t.blocksText(e.Hashes))
	case node.NotFound:
		return fmt.Sprintf("%s says that it has not %s", t.name(e.Peer), t.blocksText(e.Hashes))
	case node.BodyProgress:
		return fmt.Sprintf("%d bytes of %s are in from %s%s", e.Bytes, t.block(e.Hash), t.name(e.Peer), paused(e.Paused))
	case node.BodyArrived:
		return fmt.Sprintf("%s arrived from %s, %d bytes; it goes to a parser", t.block(e.Hash), t.name(e.Peer), e.Size)
	case node.BodyUnneeded:
		return fmt.Sprintf("another copy of %s came from %s and was not taken: it is proven", t.block(e.Hash), t.name(e.Peer))
	case node.BodyDoubtful:
		return fmt.Sprintf("a parser fails on %s from %s, or takes long for it: another peer is asked", t.block(e.Hash), t.name(e.Peer))
	case node.BodyJudged:
		return because(fmt.Sprintf("%s from %s is judged: %s, bytes %s..", t.block(e.Hash), t.name(e.Peer), verdict(e.Outcome), short(e.Sum[:])), e.Detail)
	}
	return t.journalText(ev)
}

func paused(yes bool) string {
	if yes {
		return "; we do not read on, for want of memory"
	}
	return ""
}

func verdict(o node.Outcome) string {
	if o == node.OutcomeProven {
		return "proven"
	}
	return string(o.Reason())
}

func (t *teller) journalText(ev node.Event) string {
	switch e := ev.(type) {
	case node.OperatorInvalidate:
		return fmt.Sprintf("the operator calls %s invalid", t.block(e.Hash))
	case node.OperatorAcceptReorg:
		return fmt.Sprintf("the operator accepts the reorg to %s", t.block(e.Hash))
	case node.OperatorReconsider:
		return fmt.Sprintf("the operator takes back what was said of %s", t.block(e.Hash))
	case node.JournalLoaded:
		return fmt.Sprintf("the journal was loaded: it ends in block %d %s", e.TipHeight, t.block(e.Tip))
	case node.JournalHeader:
		return because(fmt.Sprintf("the journal was asked for the header of %s, found %v", t.block(e.Hash), e.Found), e.Detail)
	case node.BodyStored:
		return t.block(e.Hash) + " is stored in the journal"
	case node.BodyStoreFailed:
		return because(t.block(e.Hash)+" was not stored", e.Detail)
	case node.EventAppended:
		return fmt.Sprintf("%s is %s in the journal, sequence %d", t.block(e.Hash), kindText(e.Kind), e.Seq)
	}
	return rest(ev)
}

func kindText(k node.EventKind) string {
	if k == node.Connect {
		return "connected"
	}
	return "disconnected"
}

// actionText says in words what the brain did.
func (t *teller) actionText(action node.Action) string {
	switch a := action.(type) {
	case node.Dial:
		return fmt.Sprintf("%s is dialled (%v)", t.name(a.Peer), a.Kind)
	case node.Disconnect:
		return because("we leave "+t.name(a.Peer), string(a.Reason))
	case node.Ban:
		return because(because(fmt.Sprintf("%s is banned until %s", t.name(a.Peer), a.Until.UTC().Format(time.RFC3339)), string(a.Reason)), a.Detail)
	case node.GiveUp:
		return "what waits to be judged of " + t.name(a.Peer) + " is of no use any more"
	case node.GetHeaders:
		return fmt.Sprintf("headers are asked of %s", t.name(a.Peer))
	case node.GetData:
		return fmt.Sprintf("%s asked of %s", t.blocksText(a.Hashes), t.name(a.Peer))
	case node.KeepHeaders:
		return "its header is kept"
	case node.Drop:
		return "a body of it is dropped"
	case node.Store:
		return fmt.Sprintf("%s, height %d, goes to the journal to be stored", t.block(a.Hash), a.Height)
	case node.Append:
		return fmt.Sprintf("%s, height %d, is to be %s in the journal; final is %d", t.block(a.Hash), a.Height, kindText(a.Kind), a.Final)
	case node.Forget:
		return "no event will name " + t.block(a.Hash) + " again"
	case node.OperatorTold:
		return because("the operator is answered", a.Refused)
	case node.Alarm:
		return because("alarm "+string(a.Code), a.Detail)
	case node.Fatal:
		return because("the brain cannot go on, "+string(a.Code), a.Detail)
	}
	return rest(action)
}

func (t *teller) headersText(e node.HeadersReceived) string {
	if len(e.Headers) == 0 {
		return t.name(e.Peer) + " has no more headers"
	}
	last := e.Headers[len(e.Headers)-1].Hash()
	if t.peers != nil {
		return fmt.Sprintf("%s sends %d headers, the last is of %s", t.name(e.Peer), len(e.Headers), t.block(last))
	}
	i := slices.IndexFunc(e.Headers, func(h btc.Header) bool { return slices.Contains(t.blocks, h.Hash()) })
	return fmt.Sprintf("%s sends its header, %d of %d", t.name(e.Peer), i+1, len(e.Headers))
}

// block names a block, in the story of one by no more than needed.
func (t *teller) block(hash btc.Hash) string {
	if len(t.blocks) == 1 && t.blocks[0] == hash {
		return "the block"
	}
	return hash.String()
}

// blocksText names the block of the story, or all.
func (t *teller) blocksText(hashes []btc.Hash) string {
	for _, hash := range hashes {
		if slices.Contains(t.blocks, hash) {
			return t.block(hash)
		}
	}
	if len(hashes) == 0 {
		return "no block"
	}
	if len(hashes) == 1 {
		return hashes[0].String()
	}
	return fmt.Sprintf("%d blocks, from %s to %s", len(hashes), hashes[0], hashes[len(hashes)-1])
}
