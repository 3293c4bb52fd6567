package node

// Reasons for which a connection ends that was there for a transaction.
const (
	ReasonDelivered      Reason = "delivered"       // the peer has the transaction
	ReasonNoRelay        Reason = "no-relay"        // the peer wants no transactions
	ReasonNotNeeded      Reason = "not-needed"      // nothing is to be sent or heard any more
	ReasonCarrierTimeout Reason = "carrier-timeout" // told, and the peer has not asked
	ReasonBanned         Reason = "banned"          // for what it did on another connection
)
