package flight

import "blockgate/adapter/node"

// newEvents returns the codes of all events. A new event takes a row with the next
// free code and a method that names its fields in order; see docs/flight.md. A code is
// never given to another type.
func newEvents() *kinds[node.Event] {
	return kindsOf(
		row[node.Event](1, func(*codec, *node.Tick) {}),
		row[node.Event](2, (*codec).peerUp),
		row[node.Event](3, (*codec).dialFailed),
		row[node.Event](4, (*codec).peerDown),
		row[node.Event](5, (*codec).addrsHeard),
		row[node.Event](6, (*codec).seedsFound),
		row[node.Event](7, (*codec).headersReceived),
		row[node.Event](8, (*codec).blocksAnnounced),
		row[node.Event](9, (*codec).notFound),
		row[node.Event](10, (*codec).bodyArrived),
		row[node.Event](11, (*codec).bodyUnneeded),
		row[node.Event](12, (*codec).bodyJudged),
		row[node.Event](13, (*codec).operatorInvalidate),
		row[node.Event](14, (*codec).operatorReconsider),
		row[node.Event](15, (*codec).journalLoaded),
		row[node.Event](16, func(c *codec, e *node.JournalFailed) { text(c, &e.Detail) }),
		row[node.Event](17, (*codec).journalHeader),
		row[node.Event](18, (*codec).bodyStored),
		row[node.Event](19, (*codec).bodyStoreFailed),
		row[node.Event](20, (*codec).eventAppended),
		row[node.Event](21, (*codec).eventMoved),
		row[node.Event](22, (*codec).operatorBan),
		row[node.Event](23, (*codec).operatorUnban),
		row[node.Event](24, (*codec).operatorConnect),
		row[node.Event](25, func(*codec, *node.ConsumerActive) {}),
		row[node.Event](26, func(*codec, *node.ConsumerIdle) {}),
		row[node.Event](27, (*codec).bodyProgress),
		row[node.Event](28, (*codec).operatorAcceptReorg),
		row[node.Event](29, (*codec).transactionKept),
		row[node.Event](30, (*codec).transactionTaken),
		row[node.Event](31, (*codec).transactionHeard),
		row[node.Event](32, (*codec).transactionMined),
		row[node.Event](33, (*codec).bodyDoubtful),
	)
}

func (c *codec) peerUp(e *node.PeerUp) {
	number(c, &e.Peer)
	number(c, &e.Services)
	signed(c, &e.StartHeight)
	text(c, &e.UserAgent)
	c.flag(&e.Relay)
	c.flag(&e.Encrypted)
}

func (c *codec) dialFailed(e *node.DialFailed) {
	number(c, &e.Peer)
	text(c, &e.Detail)
}

func (c *codec) peerDown(e *node.PeerDown) {
	number(c, &e.Peer)
	text(c, &e.Reason)
	c.flag(&e.Ban)
	text(c, &e.Detail)
}

func (c *codec) addrsHeard(e *node.AddrsHeard) {
	number(c, &e.Peer)
	list(c, &e.Addrs, 5, maxBriefAddrs, (*codec).heard)
}

func (c *codec) seedsFound(e *node.SeedsFound) {
	text(c, &e.Name)
	c.addrs(&e.Addrs)
	number(c, &e.Services)
}

func (c *codec) headersReceived(e *node.HeadersReceived) {
	number(c, &e.Peer)
	c.headers(&e.Headers)
}

func (c *codec) blocksAnnounced(e *node.BlocksAnnounced) {
	number(c, &e.Peer)
	c.hashes(&e.Hashes)
}

func (c *codec) notFound(e *node.NotFound) {
	number(c, &e.Peer)
	c.hashes(&e.Hashes)
}

func (c *codec) bodyArrived(e *node.BodyArrived) {
	number(c, &e.Peer)
	c.hash(&e.Hash)
	signed(c, &e.Size)
}

func (c *codec) bodyUnneeded(e *node.BodyUnneeded) {
	number(c, &e.Peer)
	c.hash(&e.Hash)
}

func (c *codec) bodyJudged(e *node.BodyJudged) {
	number(c, &e.Peer)
	c.hash(&e.Hash)
	c.raw(e.Sum[:])
	number(c, &e.Body)
	number(c, &e.Outcome)
	text(c, &e.Detail)
}

func (c *codec) operatorInvalidate(e *node.OperatorInvalidate) {
	number(c, &e.Request)
	c.hash(&e.Hash)
}

func (c *codec) operatorReconsider(e *node.OperatorReconsider) {
	number(c, &e.Request)
	c.hash(&e.Hash)
}

func (c *codec) journalLoaded(e *node.JournalLoaded) {
	c.flag(&e.Empty)
	c.hash(&e.Tip)
	signed(c, &e.TipHeight)
	c.header(&e.TipHeader)
	signed(c, &e.Final)
	signed(c, &e.First)
	c.flag(&e.FirstTrims)
}

func (c *codec) journalHeader(e *node.JournalHeader) {
	c.hash(&e.Hash)
	c.header(&e.Header)
	c.flag(&e.Found)
	text(c, &e.Detail)
}

func (c *codec) bodyStored(e *node.BodyStored) {
	c.hash(&e.Hash)
	number(c, &e.Body)
}

func (c *codec) bodyStoreFailed(e *node.BodyStoreFailed) {
	c.hash(&e.Hash)
	number(c, &e.Body)
	text(c, &e.Detail)
}

func (c *codec) eventAppended(e *node.EventAppended) {
	c.hash(&e.Hash)
	number(c, &e.Kind)
	number(c, &e.Seq)
}

func (c *codec) eventMoved(e *node.EventMoved) {
	text(c, &e.Detail)
	c.flag(&e.Stale)
}

func (c *codec) operatorBan(e *node.OperatorBan) {
	number(c, &e.Request)
	c.prefix(&e.Prefix)
	c.addr(&e.Addr)
	signed(c, &e.For)
}

func (c *codec) operatorUnban(e *node.OperatorUnban) {
	number(c, &e.Request)
	c.prefix(&e.Prefix)
	c.addr(&e.Addr)
}

func (c *codec) operatorConnect(e *node.OperatorConnect) {
	number(c, &e.Request)
	c.addr(&e.Addr)
}

func (c *codec) bodyProgress(e *node.BodyProgress) {
	number(c, &e.Peer)
	c.hash(&e.Hash)
	signed(c, &e.Bytes)
	c.flag(&e.Paused)
}

func (c *codec) operatorAcceptReorg(e *node.OperatorAcceptReorg) {
	number(c, &e.Request)
	c.hash(&e.Hash)
}

func (c *codec) bodyDoubtful(e *node.BodyDoubtful) {
	number(c, &e.Peer)
	c.hash(&e.Hash)
}
