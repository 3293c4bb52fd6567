package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"syscall"
)

// ErrTaken says that somebody else listens on the address.
var ErrTaken = errors.New("address is taken")

// Server answers requests at one address. Handlers are added before Serve.
type Server struct {
	listener net.Listener
	mux      *http.ServeMux
}

// Listen opens the address, host:port, without answering yet. It returns
// [ErrTaken] if somebody else has it. The caller has to call Serve, or Close.
func Listen(ctx context.Context, address string) (*Server, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%w: %w", ErrTaken, err)
	case err != nil:
		return nil, err
	}
	return &Server{listener: bound(listener, maxConns), mux: http.NewServeMux()}, nil
}

// Addr returns the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Handle adds what answers requests of a pattern of [http.ServeMux], such as
// "GET /metrics".
func (s *Server) Handle(pattern string, handler http.Handler) { s.mux.Handle(pattern, handler) }

// Close gives the address back without having served.
func (s *Server) Close() error { return s.listener.Close() }

// Serve answers until ctx is done, then ends what is under way within a second and
// returns nil. Any other end is an error. It is called once.
func (s *Server) Serve(ctx context.Context) error {
	server := &http.Server{
		Handler: s.mux, MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout,
		WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: log.New(io.Discard, "", 0), // a client could fill the log
	}
	stopped := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err := server.Shutdown(late)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	})()
	err := server.Serve(s.listener)
	if ctx.Err() == nil {
		return err
	}
	return <-stopped
}
