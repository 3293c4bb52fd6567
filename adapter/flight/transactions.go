package flight

import "blockgate/adapter/node"

func (c *codec) transactionKept(e *node.TransactionKept) {
	c.hash(&e.Txid)
	c.hash(&e.Wtxid)
	c.moment(&e.Submitted)
	c.moment(&e.Expires)
	number(c, &e.Progress)
	c.hashes(&e.Blocks)
}

func (c *codec) transactionTaken(e *node.TransactionTaken) {
	number(c, &e.Peer)
	c.hash(&e.Txid)
}

func (c *codec) transactionHeard(e *node.TransactionHeard) {
	number(c, &e.Peer)
	c.hash(&e.Txid)
}

func (c *codec) transactionMined(e *node.TransactionMined) {
	c.hash(&e.Txid)
	c.hash(&e.Block)
}

func (c *codec) announce(a *node.Announce) {
	number(c, &a.Peer)
	c.hash(&a.Txid)
	c.hash(&a.Wtxid)
}

func (c *codec) noteTransaction(a *node.NoteTransaction) {
	c.hash(&a.Txid)
	number(c, &a.Progress)
}

func (c *codec) transactionMoved(a *node.TransactionMoved) {
	c.hash(&a.Txid)
	number(c, &a.State)
}
