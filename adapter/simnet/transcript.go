package simnet

import (
	"fmt"
	"io"
	"strings"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// transcript is what a run looks like to people, and a digest of it.
type transcript struct {
	to     io.Writer // nil: nobody reads it
	tail   []string
	digest uint64
}

// mix adds a number to the digest (FNV-1a, by words).
func (t *transcript) mix(x uint64) { t.digest = (t.digest ^ x) * 0x100000001b3 }

// note writes a line, if anybody reads.
func (r *run) note(format string, args ...any) {
	t := &r.log
	if t.to == nil {
		return
	}
	line := fmt.Sprintf("%9.3f ", r.time.now.Sub(r.begin).Seconds()) + fmt.Sprintf(format, args...)
	if len(t.tail) >= tailLines {
		t.tail = t.tail[1:]
	}
	t.tail = append(t.tail, line)
	_, _ = io.WriteString(t.to, line+"\n") // who writes a transcript sees what is missing
}

// noteEvent notes an event that the brain is told of.
func (r *run) noteEvent(e node.Event) {
	r.log.mix(uint64(r.time.now.UnixNano()))
	if _, tick := e.(node.Tick); !tick && r.log.to != nil {
		r.note("%s", r.showEvent(e))
	}
}

// noteAction notes what the brain does.
func (r *run) noteAction(a node.Action) {
	switch a := a.(type) {
	case node.GetData:
		r.log.mix(uint64(a.Peer)<<8 | uint64(len(a.Hashes)))
		r.log.mix(uint64(a.Hashes[0][0]))
	case node.GetHeaders:
		r.log.mix(uint64(a.Peer))
	case node.Dial:
		r.log.mix(uint64(a.Peer) << 16)
	case node.Append:
		r.log.mix(uint64(a.Height) << 24)
	default:
		r.log.mix(1)
	}
	if r.log.to != nil {
		r.note("    %s", r.showAction(a))
	}
}

func (r *run) names(hashes []btc.Hash) string {
	var out []string
	for _, hash := range hashes[:min(len(hashes), 20)] {
		out = append(out, r.lib.name(hash))
	}
	if len(hashes) > 20 {
		out = append(out, fmt.Sprintf("and %d more", len(hashes)-20))
	}
	return strings.Join(out, " ")
}

func (r *run) showEvent(e node.Event) string {
	switch e := e.(type) {
	case node.PeerUp:
		return fmt.Sprintf("up %d height %d services %d %s", e.Peer, e.StartHeight, e.Services, e.UserAgent)
	case node.PeerDown:
		return fmt.Sprintf("down %d %s ban=%v %s", e.Peer, e.Reason, e.Ban, e.Detail)
	case node.DialFailed:
		return fmt.Sprintf("dial failed %d %s", e.Peer, e.Detail)
	case node.HeadersReceived:
		if len(e.Headers) == 0 {
			return fmt.Sprintf("headers %d none", e.Peer)
		}
		return fmt.Sprintf("headers %d %d: %s..%s", e.Peer, len(e.Headers), r.lib.name(e.Headers[0].Hash()), r.lib.name(e.Headers[len(e.Headers)-1].Hash()))
	case node.BlocksAnnounced:
		return fmt.Sprintf("inv %d %d: %s", e.Peer, len(e.Hashes), r.names(e.Hashes[:min(1, len(e.Hashes))]))
	case node.NotFound:
		return fmt.Sprintf("not found %d %s", e.Peer, r.names(e.Hashes))
	case node.BodyArrived:
		return fmt.Sprintf("arrived %d %s, %d bytes", e.Peer, r.lib.name(e.Hash), e.Size)
	case node.BodyUnneeded:
		return fmt.Sprintf("unneeded %d %s", e.Peer, r.lib.name(e.Hash))
	case node.BodyJudged:
		return fmt.Sprintf("judged %d %s: %s, body %d", e.Peer, r.lib.name(e.Hash), e.Outcome.Reason(), e.Body)
	case node.BodyStored:
		return fmt.Sprintf("stored %s", r.lib.name(e.Hash))
	case node.AddrsHeard:
		return fmt.Sprintf("addrs %d: %d", e.Peer, len(e.Addrs))
	case node.SeedsFound:
		return fmt.Sprintf("seeds %s: %d", e.Name, len(e.Addrs))
	case node.EventAppended:
		return fmt.Sprintf("appended %s", r.lib.name(e.Hash))
	case node.JournalLoaded:
		return fmt.Sprintf("journal loaded, tip %s, final %d", r.lib.name(e.Tip), e.Final)
	}
	return fmt.Sprintf("%T%+v", e, e)
}

func (r *run) showAction(a node.Action) string {
	switch a := a.(type) {
	case node.Dial:
		if p := r.byAddr[a.Addr]; p != nil {
			return fmt.Sprintf("dial %d %s: peer %d", a.Peer, a.Kind, p.index)
		}
		return fmt.Sprintf("dial %d %s: nobody at %v", a.Peer, a.Kind, a.Addr)
	case node.GetHeaders:
		return fmt.Sprintf("getheaders %d from %s", a.Peer, r.names(a.Locator[:min(1, len(a.Locator))]))
	case node.GetData:
		return fmt.Sprintf("getdata %d %s", a.Peer, r.names(a.Hashes))
	case node.KeepHeaders:
		return fmt.Sprintf("keep %d headers", len(a.Headers))
	case node.Store:
		return fmt.Sprintf("store %s, body %d", r.lib.name(a.Hash), a.Body)
	case node.Append:
		kind := "connect"
		if a.Kind == node.DisconnectBlock {
			kind = "disconnect"
		}
		return fmt.Sprintf("append %s %s, best %s, final %d", kind, r.lib.name(a.Hash), r.lib.name(a.Best), a.Final)
	case node.Forget:
		return "forget " + r.lib.name(a.Hash)
	}
	return fmt.Sprintf("%T%+v", a, a)
}
