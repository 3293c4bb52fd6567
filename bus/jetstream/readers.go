package jetstream

import "context"

// Readers returns how many consumers the stream has: a [Reader] makes one and deletes
// it when it is closed; the server forgets it 2 minutes after its reader is gone without
// a word. A durable consumer counts until somebody deletes it. Who reads
// messages one by one, or the live subjects alone, has none and is not counted.
//
// The errors are those of the link: [ErrNoStream], [ErrDenied], [ErrClosed], or that
// there was no answer. Many goroutines may call it.
func (j *Journal) Readers(ctx context.Context) (int, error) {
	info, err := j.link.stream(ctx, j.name)
	if err != nil {
		return 0, err
	}
	return info.State.Consumers, nil
}
