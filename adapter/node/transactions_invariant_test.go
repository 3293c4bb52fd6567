package node

import "fmt"

// brokenTransactions says what is wrong with the transactions and their connections.
func (n *Node) brokenTransactions() string {
	observers, _ := n.txs.count(Observer)
	carriers, _ := n.txs.count(Carrier)
	if len(n.txs.all) > MaxTransactions || observers > n.cfg.Observers || carriers > maxCarriers {
		return fmt.Sprintf("%d transactions, %d observers, %d carriers", len(n.txs.all), observers, carriers)
	}
	for _, t := range n.txs.all {
		if len(t.blocks) > maxTxBlocks || len(t.seers) > maxSeers || t.round.tries > triesPerCarrier*n.cfg.Carriers || len(t.round.used) > t.round.tries {
			return fmt.Sprintf("transaction %+v", *t)
		}
	}
	for _, c := range n.txs.conns {
		if (c.tx == nil) != (c.kind == Observer) || c.tx != nil && n.txs.find(c.tx.txid) != c.tx || n.peers.byID(c.id) != nil {
			return fmt.Sprintf("connection %+v", *c)
		}
	}
	return ""
}
