package main

import (
	"io"
	"log/slog"
)

// newLog returns the logger of a process: text or json, one line a record, with
// the role that writes it.
func newLog(w io.Writer, format, role string) *slog.Logger {
	options := &slog.HandlerOptions{Level: slog.LevelInfo}
	var handler slog.Handler = slog.NewTextHandler(w, options)
	if format == "json" {
		handler = slog.NewJSONHandler(w, options)
	}
	return slog.New(handler).With(slog.String("role", role))
}
