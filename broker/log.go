package broker

import (
	"fmt"
	"log/slog"
)

// slogger is a nats-server logger on slog. The server's notices are chatter and
// become debug lines.
type slogger struct {
	log *slog.Logger
	// fatal takes the first error that the server could not live with. The
	// default logger would end the process.
	fatal chan string
}

func newSlogger(log *slog.Logger) *slogger { return &slogger{log: log, fatal: make(chan string, 1)} }

func (l *slogger) Noticef(format string, args ...any) { l.line(l.log.Debug, format, args) }
func (l *slogger) Debugf(format string, args ...any)  { l.line(l.log.Debug, format, args) }
func (l *slogger) Tracef(format string, args ...any)  { l.line(l.log.Debug, format, args) }
func (l *slogger) Warnf(format string, args ...any)   { l.line(l.log.Warn, format, args) }
func (l *slogger) Errorf(format string, args ...any)  { l.line(l.log.Error, format, args) }

func (l *slogger) Fatalf(format string, args ...any) {
	l.line(l.log.Error, format, args)
	select {
	case l.fatal <- fmt.Sprintf(format, args...):
	default: // one is enough
	}
}

// line quotes the text: the server puts bytes of clients in it.
func (l *slogger) line(write func(string, ...any), format string, args []any) {
	write("nats server", slog.String("line", fmt.Sprintf("%q", fmt.Sprintf(format, args...))))
}
