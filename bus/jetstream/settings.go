package jetstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
	natsjs "github.com/nats-io/nats.go/jetstream"

	"blockgate/bus"
	"blockgate/internal/btc"
)

// ErrSettings says that a stream or server is not set as the journal needs it;
// the text names each difference.
var ErrSettings = errors.New("stream settings differ")

// Settings are what a journal's stream depends on.
type Settings struct {
	Network btc.Network
	ID      string
	// MaxBytes is the size of the journal, at least [MinMaxBytes]; 0 is
	// [DefaultMaxBytes] to Create, and any size to Open.
	MaxBytes int64
	// Replicas is 1 to 5; 0 is 1 to Create, and any number to Open.
	Replicas int
}

// Create makes the stream over a connection that may, and waits until it is
// there. A stream that is there already gets the size of settings; any other
// difference is [ErrSettings], since to change it may cost readers their
// place.
func Create(ctx context.Context, admin *nats.Conn, settings Settings) error {
	js, err := natsjs.New(admin)
	if err != nil {
		return fmt.Errorf("create stream: %w", err)
	}
	return settings.create(ctx, js)
}

func (s Settings) create(ctx context.Context, js natsjs.JetStream) error {
	if err := s.check(); err != nil {
		return err
	}
	want := s.stream()
	stream, err := js.Stream(ctx, want.Name)
	if errors.Is(err, natsjs.ErrStreamNotFound) {
		stream, err = js.CreateStream(ctx, want)
	}
	if err != nil {
		return fmt.Errorf("create stream %s: %w", want.Name, noJetStream(err))
	}
	have := stream.CachedInfo().Config
	if have.MaxBytes != want.MaxBytes {
		resized := have
		resized.MaxBytes = want.MaxBytes
		if stream, err = js.UpdateStream(ctx, resized); err != nil {
			return fmt.Errorf("resize stream %s to %d bytes: %w", want.Name, want.MaxBytes, err)
		}
		have = stream.CachedInfo().Config
	}
	return compare(have, want)
}

func (s Settings) check() error {
	if !s.Network.Valid() {
		return fmt.Errorf("%w: %v", ErrSettings, s.Network)
	}
	if err := bus.CheckID(s.ID); err != nil {
		return err
	}
	if s.MaxBytes != 0 && s.MaxBytes < MinMaxBytes {
		return fmt.Errorf("%w: --journal-size %d, want at least %d", ErrSettings, s.MaxBytes, MinMaxBytes)
	}
	return nil
}

// stream returns the configuration that the stream is made with.
func (s Settings) stream() natsjs.StreamConfig {
	if s.MaxBytes == 0 {
		s.MaxBytes = DefaultMaxBytes
	}
	return natsjs.StreamConfig{
		Name:     bus.StreamName(s.Network, s.ID),
		Subjects: []string{bus.AllOf(s.Network, s.ID, bus.TopicData), bus.AllOf(s.Network, s.ID, bus.TopicBlock)},
		Storage:  natsjs.FileStorage, Retention: natsjs.LimitsPolicy, Discard: natsjs.DiscardOld,
		MaxBytes: s.MaxBytes, MaxMsgSize: maxMsgSize, MaxMsgs: -1, MaxMsgsPerSubject: -1, MaxConsumers: -1,
		Duplicates: duplicateWindow, Replicas: max(s.Replicas, 1),
		AllowDirect: true, DenyDelete: true,
		RePublish: &natsjs.RePublish{
			Source:      bus.AllOf(s.Network, s.ID, bus.TopicBlock),
			Destination: bus.AllOf(s.Network, s.ID, bus.TopicLive),
		},
		Metadata: map[string]string{
			"btc.network": s.Network.String(), "btc.adapter": s.ID, "btc.schema": bus.Schema,
		},
	}
}

// compareWith returns [ErrSettings] unless a stream that somebody made is as the
// journal needs it.
func (s Settings) compareWith(have natsjs.StreamConfig) error {
	want := s.stream()
	if s.MaxBytes == 0 {
		want.MaxBytes = have.MaxBytes
	}
	if s.Replicas == 0 {
		want.Replicas = have.Replicas
	}
	return compare(have, want)
}

// compare names every setting that matters and differs. Placement, description
// and what the server adds by itself do not matter.
func compare(have, want natsjs.StreamConfig) error {
	var diffs []string
	differ := func(name string, has, wants any) {
		if fmt.Sprint(has) != fmt.Sprint(wants) {
			diffs = append(diffs, fmt.Sprintf("%s is %v, want %v", name, has, wants))
		}
	}
	differ("subjects", sorted(have.Subjects), sorted(want.Subjects))
	differ("storage", have.Storage, want.Storage)
	differ("retention", have.Retention, want.Retention)
	differ("discard", have.Discard, want.Discard)
	differ("max_bytes", have.MaxBytes, want.MaxBytes)
	differ("max_msg_size", have.MaxMsgSize, want.MaxMsgSize)
	differ("max_msgs", have.MaxMsgs, want.MaxMsgs)
	differ("max_msgs_per_subject", have.MaxMsgsPerSubject, want.MaxMsgsPerSubject)
	differ("max_age", have.MaxAge, want.MaxAge)
	differ("duplicate_window", have.Duplicates, want.Duplicates)
	differ("num_replicas", have.Replicas, want.Replicas)
	differ("allow_direct", have.AllowDirect, want.AllowDirect)
	differ("deny_delete", have.DenyDelete, want.DenyDelete)
	differ("allow_rollup_hdrs", have.AllowRollup, want.AllowRollup)
	differ("no_ack", have.NoAck, want.NoAck)
	differ("sealed", have.Sealed, want.Sealed)
	differ("compression", have.Compression, want.Compression)
	differ("republish", republish(have.RePublish), republish(want.RePublish))
	differ("mirror", have.Mirror != nil, false)
	differ("sources", len(have.Sources), 0)
	differ("subject_transform", have.SubjectTransform != nil, false)
	for _, key := range []string{"btc.network", "btc.adapter", "btc.schema"} {
		if value, ok := have.Metadata[key]; ok {
			differ("metadata "+key, value, want.Metadata[key])
		}
	}
	if len(diffs) > 0 {
		return fmt.Errorf("%w: stream %s: %s", ErrSettings, want.Name, strings.Join(diffs, "; "))
	}
	return nil
}

func sorted(subjects []string) []string { return slices.Sorted(slices.Values(subjects)) }

func republish(r *natsjs.RePublish) string {
	if r == nil {
		return "none"
	}
	return fmt.Sprintf("%s to %s, headers only %v", r.Source, r.Destination, r.HeadersOnly)
}
