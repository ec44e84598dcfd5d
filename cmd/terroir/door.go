package main

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"terroir"
	"terroir/auth"
	"terroir/config"
)

// door is the way to page and API.
type door struct {
	// users are nil where everybody on this machine may read.
	users *auth.Users
	// tls is nil for plain HTTP, on loopback.
	tls *tls.Config
	// host is a name of this site, or "".
	host string
}

// openDoor reads users and certificate. What is wrong with them is an ECONFIG error.
func openDoor(p *config.Page) (*door, error) {
	d := &door{host: p.Host}
	if p.Users != "" {
		text, err := config.Secret(p.Users)
		if err != nil {
			return nil, err
		}
		if d.users, err = auth.Parse(p.Users, text); err != nil {
			return nil, err
		}
	}
	if p.Certificate != "" {
		c, err := tls.LoadX509KeyPair(p.Certificate, p.Key)
		if err != nil {
			return nil, &terroir.Error{Code: terroir.ECONFIG, Where: p.Certificate, Message: "cannot use the page's certificate", Err: err}
		}
		d.tls = &tls.Config{Certificates: []tls.Certificate{c}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	return d, nil
}

func (d *door) scheme() string {
	if d.tls != nil {
		return "https"
	}
	return "http"
}

// handler lets in who may come in. Where nobody has to say who he is, nothing can be changed.
func (d *door) handler(next http.Handler) http.Handler {
	if d.users != nil {
		next = d.users.Handler(next)
	}
	return d.ownHost(next)
}

// ownHost refuses requests for a host by another name than localhost and the site's own: the page of a stranger whose name
// resolves to this machine (DNS rebinding) would else read everything through the user's browser.
func (d *door) ownHost(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && host != "localhost" && (d.host == "" || !strings.EqualFold(host, d.host)) {
			http.Error(w, "this hub answers to its address, to localhost and to page.host only", http.StatusMisdirectedRequest)
			return
		}
		if d.tls != nil {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		h.ServeHTTP(w, r)
	})
}
