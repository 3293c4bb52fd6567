package bus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"blockgate/internal/btc"
)

var (
	// ErrID says that an adapter's id is not [a-z0-9-]{1,32}.
	ErrID = errors.New("adapter id is not [a-z0-9-]{1,32}")
	// ErrSubject says that a subject is none of the journal's.
	ErrSubject = errors.New("not a subject of the journal")
)

// Topic is the token of a subject that says what the message is.
type Topic string

// The topics of the journal. Live is where the server republishes the events
// for readers without JetStream.
const (
	TopicData  Topic = "data"
	TopicBlock Topic = "block"
	TopicLive  Topic = "live"
)

const subjectRoot = "btc.v1."

// CheckID returns [ErrID] unless id is 1 to 32 of a-z, 0-9 and '-'.
//
// The id is a token of subjects and of the stream's name, so no character of it
// may mean anything to NATS.
func CheckID(id string) error {
	if id == "" || len(id) > MaxIDLen {
		return fmt.Errorf("id %.40q: %w", id, ErrID)
	}
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return fmt.Errorf("id %q: %w", id, ErrID)
		}
	}
	return nil
}

// Prefix returns what every subject of one adapter begins with, without a dot at
// the end: btc.v1.<network>.<id>.
func Prefix(network btc.Network, id string) string { return subjectRoot + network.String() + "." + id }

// StreamName returns the name of an adapter's stream: BTC_<NETWORK>_<id>.
func StreamName(network btc.Network, id string) string {
	return "BTC_" + strings.ToUpper(network.String()) + "_" + id
}

// DataSubject returns the subject of the parts of a block.
func DataSubject(network btc.Network, id string, height btc.Height, hash btc.Hash) string {
	return Subject{network, id, TopicData, height, hash}.String()
}

// BlockSubject returns the subject of the events of a block.
func BlockSubject(network btc.Network, id string, height btc.Height, hash btc.Hash) string {
	return Subject{network, id, TopicBlock, height, hash}.String()
}

// AllOf returns the wildcard for every message of one topic of one adapter.
func AllOf(network btc.Network, id string, topic Topic) string {
	return Prefix(network, id) + "." + string(topic) + ".>"
}

// Subject is a subject of the journal in its parts.
//
//	btc.v1.<network>.<id>.<topic>.<height>.<hash>
//
// The height stands before the hash so that the server finds the blocks of a
// height without a look at all of them.
type Subject struct {
	Network btc.Network
	ID      string
	Topic   Topic
	Height  btc.Height
	Hash    btc.Hash
}

// String returns the subject as it stands on the bus.
func (s Subject) String() string {
	return Prefix(s.Network, s.ID) + "." + string(s.Topic) + "." + strconv.Itoa(int(s.Height)) + "." + s.Hash.String()
}

// ParseSubject reads a subject of the journal. It takes the one form that
// [Subject.String] writes and returns [ErrSubject] for any other.
func ParseSubject(text string) (Subject, error) {
	if len(text) > MaxSubjectLen {
		return Subject{}, fmt.Errorf("subject %.40q...: %w: %d characters, at most %d", text, ErrSubject, len(text), MaxSubjectLen)
	}
	tokens := strings.Split(text, ".")
	if len(tokens) != 7 || tokens[0] != "btc" || tokens[1] != "v1" {
		return Subject{}, fmt.Errorf("subject %q: %w: want btc.v1.<network>.<id>.<topic>.<height>.<hash>", text, ErrSubject)
	}
	s := Subject{ID: tokens[3], Topic: Topic(tokens[4])}
	if s.Topic != TopicData && s.Topic != TopicBlock && s.Topic != TopicLive {
		return Subject{}, fmt.Errorf("subject %q: %w: unknown topic", text, ErrSubject)
	}
	var err error
	if s.Network, err = btc.ParseNetwork(tokens[2]); err != nil {
		return Subject{}, fmt.Errorf("subject %q: %w: %w", text, ErrSubject, err)
	}
	if err := CheckID(s.ID); err != nil {
		return Subject{}, fmt.Errorf("subject %q: %w: %w", text, ErrSubject, err)
	}
	if s.Height, err = parseHeight(tokens[5]); err != nil {
		return Subject{}, fmt.Errorf("subject %q: %w: %w", text, ErrSubject, err)
	}
	if s.Hash, err = parseHash(tokens[6]); err != nil {
		return Subject{}, fmt.Errorf("subject %q: %w: %w", text, ErrSubject, err)
	}
	return s, nil
}
