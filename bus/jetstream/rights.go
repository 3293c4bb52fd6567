package jetstream

import (
	"blockgate/internal/btc"

	"blockgate/bus"
)

// Rights are the subjects that a user of the server needs to publish to and to
// subscribe to, and nothing more.
type Rights struct{ Publish, Subscribe []string }

// The inboxes in which answers come in. Each kind of user has its own, so that
// none can read another's. A client without a key uses the library's default.
const (
	publisherInbox = "_INBOX_pub"
	readerInbox    = "_INBOX_sub"
	anonymousInbox = "_INBOX"
)

// PublisherRights are those of a [Journal]: write the two topics, see the state
// of the stream, read messages through its leader. It cannot make, change,
// purge or delete a stream, nor delete a message.
func PublisherRights(network btc.Network, id string) Rights {
	stream := bus.StreamName(network, id)
	return Rights{
		Publish: []string{
			bus.AllOf(network, id, bus.TopicData),
			bus.AllOf(network, id, bus.TopicBlock),
			"$JS.API.STREAM.INFO." + stream,
			"$JS.API.STREAM.MSG.GET." + stream,
		},
		Subscribe: []string{publisherInbox + ".>"},
	}
}

// ReaderRights are those of a [Reader] with a key: consumers of the one stream,
// messages by sequence or subject, the state of the stream, and live events.
func ReaderRights(network btc.Network, id string) Rights {
	return Rights{
		Publish:   readerPublish(network, id),
		Subscribe: []string{readerInbox + ".>", bus.AllOf(network, id, bus.TopicLive)},
	}
}

// AnonymousRights are those of a client without a key: live events, messages by
// sequence or subject, the state of the stream; with readers, consumers too, so
// that a [Reader] works.
func AnonymousRights(network btc.Network, id string, readers bool) Rights {
	r := Rights{
		Publish:   lookPublish(network, id),
		Subscribe: []string{anonymousInbox + ".>", bus.AllOf(network, id, bus.TopicLive)},
	}
	if readers {
		r.Publish = readerPublish(network, id)
	}
	return r
}

func lookPublish(network btc.Network, id string) []string {
	stream := bus.StreamName(network, id)
	return []string{"$JS.API.STREAM.INFO." + stream, "$JS.API.DIRECT.GET." + stream, "$JS.API.DIRECT.GET." + stream + ".>"}
}

func readerPublish(network btc.Network, id string) []string {
	stream := bus.StreamName(network, id)
	return append(lookPublish(network, id),
		"$JS.API.CONSUMER.CREATE."+stream+".>",
		"$JS.API.CONSUMER.MSG.NEXT."+stream+".>",
		"$JS.API.CONSUMER.INFO."+stream+".>",
		"$JS.API.CONSUMER.DELETE."+stream+".>",
		"$JS.ACK."+stream+".>")
}
