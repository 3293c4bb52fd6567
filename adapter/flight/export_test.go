package flight

import (
	"bytes"
	"fmt"
	"reflect"

	"blockgate/adapter/node"
)

// Recode writes every entry of a file anew and says what differs, "" if nothing does.
func (f *File) Recode() string {
	events, actions := newEvents(), newActions()
	for i := range f.chunks {
		c, last := codec{}, f.chunks[i].base
		names := []string(nil)
		for e, err := range f.chunks[i].entries(newDecoder()) {
			if err != nil {
				return err.Error()
			}
			names = append(names[:0], e.names...)
			if e.Event == nil {
				c.name(&names)
			} else {
				events.put(&c, e.Event)
			}
			since := e.Now.Sub(last)
			last = e.Now
			c.since(&since)
			n := uint64(len(e.Actions))
			if number(&c, &n); n > 0 {
				number(&c, &e.sum)
			}
			for _, a := range e.Actions {
				if a == nil {
					c.name(&names)
				} else {
					actions.put(&c, a)
				}
			}
		}
		if !bytes.Equal(c.out, f.chunks[i].bytes) {
			return fmt.Sprintf("chunk %d: %x, want %x", i, c.out, f.chunks[i].bytes)
		}
	}
	return ""
}

func (c *codec) name(names *[]string) {
	c.out = append(c.out, unknown)
	text(c, &(*names)[0])
	*names = (*names)[1:]
}

// Types returns the types of events and actions that have a code.
func Types() (events, actions []reflect.Type) {
	for t := range newEvents().byType {
		events = append(events, t)
	}
	for t := range newActions().byType {
		actions = append(actions, t)
	}
	return events, actions
}

// EventBack and ActionBack write a value and read it again. They are nil if that does
// not take all of the bytes.
func EventBack(ev node.Event) node.Event { return back(newEvents(), ev) }

// ActionBack does for an action what EventBack does for an event.
func ActionBack(a node.Action) node.Action { return back(newActions(), a) }

func back[I any](set *kinds[I], v I) (read I) {
	var c codec
	if !set.put(&c, v) {
		return read
	}
	again := codec{reading: true, in: c.out}
	got, _ := set.take(&again)
	if again.broken || len(again.in) > 0 {
		return read
	}
	for n := range c.out { // nothing that is cut short is read
		short := codec{reading: true, in: c.out[:n]}
		if set.take(&short); !short.broken {
			return read
		}
	}
	return got
}

// ConfigBack writes settings and reads them again.
func ConfigBack(cfg node.Config) node.Config {
	c := codec{plain: true}
	c.config(&cfg)
	var got node.Config
	again := codec{plain: true, reading: true, in: c.out}
	again.config(&got)
	return got
}

// SetMax bounds the ring of a recorder.
func (r *Recorder) SetMax(bytes int) { r.max = bytes }

// ChunkRoom is what a chunk takes.
const ChunkRoom = chunkSize + chunkSlack

// The limits of what is cut.
const (
	MaxBriefHeaders = maxBriefHeaders
	MaxBriefHashes  = maxBriefHashes
	MaxBriefAddrs   = maxBriefAddrs
	MaxBriefText    = maxBriefText
	MaxInline       = maxInline
	MaxLoads        = maxLoads
	MaxSince        = maxSince
)
