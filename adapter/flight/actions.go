package flight

import "blockgate/adapter/node"

// newActions returns the codes of all actions, as newEvents does of events.
func newActions() *kinds[node.Action] {
	return kindsOf(
		row[node.Action](1, (*codec).dial),
		row[node.Action](2, (*codec).disconnect),
		row[node.Action](3, (*codec).ban),
		row[node.Action](4, (*codec).getHeaders),
		row[node.Action](5, (*codec).getData),
		row[node.Action](6, func(c *codec, a *node.KeepHeaders) { c.headers(&a.Headers) }),
		row[node.Action](7, func(c *codec, a *node.Drop) { number(c, &a.Body) }),
		row[node.Action](8, (*codec).store),
		row[node.Action](9, (*codec).appendEvent),
		row[node.Action](10, func(c *codec, a *node.Forget) { c.hash(&a.Hash) }),
		row[node.Action](11, func(*codec, *node.LoadJournal) {}),
		row[node.Action](12, (*codec).fetchHeader),
		row[node.Action](13, func(*codec, *node.ResolveSeeds) {}),
		row[node.Action](14, (*codec).operatorTold),
		row[node.Action](15, (*codec).alarm),
		row[node.Action](16, (*codec).fatal),
		row[node.Action](17, func(c *codec, a *node.AskAddrs) { number(c, &a.Peer) }),
		row[node.Action](18, func(c *codec, a *node.GiveUp) { number(c, &a.Peer) }),
	)
}

func (c *codec) dial(a *node.Dial) {
	number(c, &a.Peer)
	c.addr(&a.Addr)
	number(c, &a.Kind)
	number(c, &a.Services)
}

func (c *codec) disconnect(a *node.Disconnect) {
	number(c, &a.Peer)
	text(c, &a.Reason)
}

func (c *codec) ban(a *node.Ban) {
	number(c, &a.Peer)
	c.addr(&a.Addr)
	c.moment(&a.Until)
	text(c, &a.Reason)
	text(c, &a.Detail)
}

func (c *codec) getHeaders(a *node.GetHeaders) {
	number(c, &a.Peer)
	c.hashes(&a.Locator)
	c.hash(&a.Stop)
}

func (c *codec) getData(a *node.GetData) {
	number(c, &a.Peer)
	c.hashes(&a.Hashes)
}

func (c *codec) store(a *node.Store) {
	number(c, &a.Body)
	c.hash(&a.Hash)
	signed(c, &a.Height)
}

func (c *codec) appendEvent(a *node.Append) {
	number(c, &a.Kind)
	c.hash(&a.Hash)
	c.hash(&a.Prev)
	signed(c, &a.Height)
	c.header(&a.Header)
	c.work(&a.Work)
	c.hash(&a.Best)
	c.work(&a.BestWork)
	signed(c, &a.Final)
}

func (c *codec) fetchHeader(a *node.FetchHeader) {
	c.hash(&a.Hash)
	signed(c, &a.Height)
}

func (c *codec) operatorTold(a *node.OperatorTold) {
	number(c, &a.Request)
	c.hash(&a.Hash)
	text(c, &a.Refused)
}

func (c *codec) alarm(a *node.Alarm) {
	text(c, &a.Code)
	text(c, &a.Detail)
}

func (c *codec) fatal(a *node.Fatal) {
	text(c, &a.Code)
	text(c, &a.Detail)
}
