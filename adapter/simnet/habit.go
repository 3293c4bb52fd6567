package simnet

import (
	"time"

	"blockgate/adapter/link"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// habit is what a peer with a trait does again and again, unasked.
type habit struct {
	trait       trait
	least, most time.Duration
	do          func(*run, *conn)
}

// habits returns all habits, in order.
func habits() []habit {
	return []habit{
		{spamLow, 2 * time.Second, 20 * time.Second, (*run).spamLowHeaders},
		{spamHigh, time.Second, 4 * time.Second, (*run).spamHighHeaders},
		{unlinked, time.Second, 20 * time.Second, (*run).unlinkedHeaders},
		{duplicate, time.Second, 10 * time.Second, (*run).sameHeaders},
		{twoFaced, 500 * time.Millisecond, 5 * time.Second, (*run).sameHeaders},
		{addrFlood, 200 * time.Millisecond, time.Second, (*run).floodAddrs},
		{invFlood, 500 * time.Millisecond, 2 * time.Second, (*run).floodInv},
		{pingFlood, 10 * time.Millisecond, 200 * time.Millisecond, (*run).floodPing},
		{garbage, 100 * time.Millisecond, 20 * time.Second, (*run).sendJunk},
		{oversize, 100 * time.Millisecond, 20 * time.Second, (*run).sendOversize},
		{unasked, 100 * time.Millisecond, 5 * time.Second, (*run).sendUnasked},
		{pushesTx, 100 * time.Millisecond, 30 * time.Second, (*run).pushTx},
		{chatty, 5 * time.Second, 60 * time.Second, (*run).chat},
		{future, 20 * time.Second, 90 * time.Second, (*run).sendFuture},
	}
}

// lowTip returns the tip of the longest branch that has not work enough.
func (r *run) lowTip() *block {
	return r.lib.low[min(len(r.lib.low), max(1, int(r.lowMost)))-1]
}

// spamLowHeaders sends a message of headers without work enough.
func (r *run) spamLowHeaders(c *conn) {
	from := r.dice.IntN(int(r.lowTip().height))
	headers := r.lib.headersAfter(r.lowTip(), []btc.Hash{r.lib.low[from].hash})
	if r.dice.IntN(2) == 0 {
		headers = r.lib.headersAfter(r.lowTip(), nil)
	}
	r.sendHeaders(c, headers, 0)
}

// spamHighHeaders sends a branch that stands near the tip.
func (r *run) spamHighHeaders(c *conn) {
	c.peer.turn++
	tip := r.station.spam[c.peer.turn%len(r.station.spam)]
	r.sendHeaders(c, r.lib.headersAfter(tip, []btc.Hash{r.lib.branch(tip)[0].parent.hash}), 0)
}

// unlinkedHeaders sends a header of the future of a branch that nobody knows.
func (r *run) unlinkedHeaders(c *conn) {
	var header btc.Header
	for i := range header {
		header[i] = byte(r.dice.Uint32())
	}
	r.sendHeaders(c, []btc.Header{mineLike(header)}, 0)
}

// mineLike gives a header a target and work.
func mineLike(h btc.Header) btc.Header {
	params := btc.Regtest.Params()
	fields := btc.HeaderFields{Version: 4, Prev: h.Prev(), MerkleRoot: h.MerkleRoot(), Time: h.Time(), Bits: params.PowLimitBits}
	for {
		header := fields.Header()
		if hash := header.Hash(); params.PowLimit.Meets(&hash) {
			return header
		}
		fields.Nonce++
	}
}

// sameHeaders sends the last headers of what the peer shows.
func (r *run) sameHeaders(c *conn) {
	tip := r.shown(c.peer)
	from := r.lib.ancestor(tip, max(0, tip.height-btc.Height(1+r.dice.IntN(8))))
	r.sendHeaders(c, r.lib.headersAfter(tip, []btc.Hash{from.hash}), 0)
}

// floodInv announces blocks that do not exist.
func (r *run) floodInv(c *conn) {
	e := node.BlocksAnnounced{Peer: c.id}
	for range 500 {
		var hash btc.Hash
		for i := 0; i < len(hash); i += 8 {
			hash[i] = byte(r.dice.Uint32())
		}
		e.Hashes = append(e.Hashes, hash)
	}
	r.send(c, frame{command: "inv", size: 3 + 36*len(e.Hashes), event: e})
}

func (r *run) floodPing(c *conn) { r.send(c, frame{command: "ping", size: 8}) }

func (r *run) sendJunk(c *conn) { r.send(c, frame{junk: true}) }

func (r *run) sendOversize(c *conn) {
	commands := [...]string{"headers", "block", "inv", "ping", "news"}
	r.send(c, frame{command: commands[r.dice.IntN(len(commands))], size: link.MaxPayload + 1})
}

func (r *run) sendUnasked(c *conn) {
	sent := r.truth(r.lib.main[1+r.dice.IntN(int(r.tip.height))])
	r.send(c, frame{command: "block", size: sent.size, body: &sent})
}

func (r *run) pushTx(c *conn) { r.send(c, frame{command: "tx", size: 250}) }

// chat sends what an honest node may send and nobody needs.
func (r *run) chat(c *conn) {
	r.send(c, frame{command: "feefilter", size: 8})
	r.send(c, frame{command: "news", size: 100})
	r.send(c, frame{command: "pong", size: 8})
	r.send(c, frame{command: "inv", size: 1, event: node.BlocksAnnounced{Peer: c.id}})
}

// sendFuture sends a header whose time is three hours ahead: to its sender it may be
// good.
func (r *run) sendFuture(c *conn) {
	fields := btc.HeaderFields{Prev: c.peer.tip.hash, Time: uint32(r.time.now.Add(3 * time.Hour).Unix())}
	r.sendHeaders(c, []btc.Header{mineLike(fields.Header())}, 0)
}
