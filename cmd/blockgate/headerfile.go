package main

import (
	"errors"
	"log/slog"
	"path/filepath"

	"blockgate/adapter"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// headerFileName is the file of headers in the adapter's folder.
const headerFileName = "headers"

// headerFile joins the adapter to the file of headers.
type headerFile struct {
	*store.Store
	path string
	log  *slog.Logger
}

// openHeaders opens the file of headers in the adapter's folder.
func openHeaders(folder string, network btc.Network, log *slog.Logger) (*headerFile, error) {
	path := filepath.Join(folder, headerFileName)
	opened, err := store.Open(path, network)
	if err != nil {
		return nil, &exitError{exitData, err}
	}
	return &headerFile{opened, path, log}, nil
}

// Load hands on all headers. See [adapter.Headers].
func (h *headerFile) Load(each func([]btc.Header) error) error {
	loaded, err := h.Store.Load(each)
	if err != nil {
		return err
	}
	if loaded.Torn > 0 {
		h.log.Warn("the last writes of headers were cut short", slog.String("file", h.path), slog.Int64("bytes", loaded.Torn),
			slog.String("next", "they are cut off; peers are asked for those headers again"))
	}
	return nil
}

// adapterError gives the adapter's errors their exit code.
func adapterError(err error) error {
	var fatal *adapter.FatalError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, adapter.ErrHeaders):
		return &exitError{exitData, err}
	case errors.As(err, &fatal), errors.Is(err, adapter.ErrPermanent):
		return &exitError{exitBus, err}
	default:
		return err
	}
}
