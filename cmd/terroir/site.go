package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"time"

	"terroir"
	"terroir/api"
	"terroir/hub"
	"terroir/inspect"
	"terroir/payload"
	"terroir/payload/render"
	"terroir/query"
	"terroir/views"
	"terroir/web"
)

// site is what page and API show: the views over a store, and the hub where one runs.
type site struct {
	*store
	hub *hub.Hub
	// door says who is let in.
	door *door
	// changes are nil where nobody rolls anything out.
	*changes
}

// Views implements api.Source and web.Source.
func (s *site) Views() []*views.View { return s.views.All() }

// Page implements web.Source.
func (s *site) Page(page string) []*views.View { return s.views.Page(page) }

// View implements api.Source and web.Source.
func (s *site) View(name string) (*views.View, error) { return s.views.Get(name) }

// Run implements api.Source and web.Source.
func (s *site) Run(ctx context.Context, name string, params map[string]string) (*views.Result, error) {
	v, err := s.views.Get(name)
	if err != nil {
		return nil, err
	}
	return query.Run(ctx, s.engine, v, params)
}

// SQL implements web.Source.
func (s *site) SQL(name string, params map[string]string) (string, error) {
	v, err := s.views.Get(name)
	if err != nil {
		return "", err
	}
	return v.Shown(params)
}

// Payload implements web.Source.
func (s *site) Payload(ctx context.Context, id string) (*inspect.Payload, error) {
	return inspect.FindPayload(ctx, s.engine, id, false)
}

// Family implements web.Source.
func (s *site) Family(ctx context.Context, id string) (*inspect.Family, error) {
	return s.family(ctx, id)
}

// upWithin is how long a sensor counts as up after it was last heard.
const upWithin = 3 * time.Minute

// Status implements web.Source.
func (s *site) Status(context.Context) (web.Status, error) {
	st := s.hub.Status()
	out := web.Status{Events: st.Events, Committed: st.Committed, Failure: st.Failure}
	for _, x := range s.hub.Fleet() {
		state := "up"
		if time.Since(x.Seen) > upWithin {
			state = "silent"
		}
		out.Sensors = append(out.Sensors, web.SensorStatus{Name: x.Name, Region: x.Region, Revision: x.Revision, LastSeen: x.Seen, State: state})
	}
	return out, nil
}

// State implements api.Source.
func (s *site) State(context.Context) (any, error) {
	type sensor struct {
		Name     string    `json:"sensor"`
		Region   string    `json:"region"`
		Version  string    `json:"version"`
		Revision int32     `json:"revision"`
		Tap      bool      `json:"tap"`
		Seen     time.Time `json:"seen"`
	}
	st := s.hub.Status()
	state := struct {
		Events     int64     `json:"events"`
		Duplicates int64     `json:"duplicates"`
		Rejected   int64     `json:"rejected"`
		Committed  time.Time `json:"committed"`
		Failure    string    `json:"failure,omitempty"`
		Sensors    []sensor  `json:"sensors"`
	}{st.Events, st.Duplicates, st.Rejected, st.Committed.UTC(), st.Failure, []sensor{}}
	for _, x := range s.hub.Fleet() {
		state.Sensors = append(state.Sensors, sensor{x.Name, x.Region, x.Version, x.Revision, x.Tap, x.Seen.UTC()})
	}
	return state, nil
}

// previewLength bounds what the live panel shows of a payload.
const previewLength = 80

// Recent implements web.Source.
func (s *site) Recent(n int) []web.RecentEvent {
	var out []web.RecentEvent
	for _, a := range s.hub.Recent(n) {
		out = append(out, web.RecentEvent{
			Time: a.Event.Time, Sensor: a.Event.Sensor, Region: a.Event.Region, Kind: a.Event.Kind.String(),
			Transport: a.Event.Transport.String(), Source: a.Event.Source.Addr().String(), Port: a.Event.Destination.Port(),
			AppProto: a.Event.AppProto, Preview: preview(&a), Committed: a.Committed,
		})
	}
	return out
}

// preview is how the payload begins, without the sensor's address: readers of the page are not to learn it.
func preview(a *hub.Arrival) string {
	begins := a.Payload[:min(len(a.Payload), 8*previewLength)]
	return render.Bytes(payload.ReplaceSelf(begins, payload.Self{Addrs: []netip.Addr{a.Event.Destination.Addr()}}), previewLength)
}

// listenSite opens the port of page and API. A port that is taken is an ECONFIG error.
func listenSite(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, &terroir.Error{Code: terroir.ECONFIG, Where: address, Message: "page and API cannot listen here", Err: err,
			Hint: "stop what uses the port, or choose another with --listen"}
	}
	return l, nil
}

// handler answers for page and API.
func (s *site) handler() (http.Handler, error) {
	page, err := web.New(s)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/api/", api.New(s, version))
	mux.Handle("/", page)
	return s.door.handler(mux), nil
}

// serve answers until ctx ends, and then gives requests under way a few seconds.
func (s *site) serve(ctx context.Context, l net.Listener) error {
	handler, err := s.handler()
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10}
	srv.TLSConfig = s.door.tls
	failed := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			failed <- srv.ServeTLS(l, "", "")
			return
		}
		failed <- srv.Serve(l)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := srv.Shutdown(ending); err != nil {
		return srv.Close()
	}
	return nil
}
