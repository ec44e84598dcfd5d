package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"terroir"
	"terroir/encode"
	"terroir/views"
)

// maxAnswer bounds what is read of a hub's answer.
const maxAnswer = 1 << 30

// remoteView prints a view that a hub ran. Tables are laid out here, all other forms come as the hub writes them.
func remoteView(ctx context.Context, w io.Writer, name string, params map[string]string, f *viewFlags) error {
	base, err := url.Parse(f.hub)
	if err != nil || base.Host == "" {
		return terroir.Errorf(terroir.EUSAGE, "--hub %q: want a URL such as http://127.0.0.1:8080", f.hub)
	}
	form := f.output
	if form == "table" {
		form = "json"
	}
	if f.sql {
		form = "sql"
	}
	q := url.Values{}
	for k, v := range params {
		q.Set(k, v)
	}
	body, err := get(ctx, base.JoinPath("api/v1/views", name+"."+form).String()+"?"+q.Encode())
	if err != nil {
		return err
	}
	if f.sql || f.output != "table" {
		_, err := w.Write(body)
		return err
	}
	var r views.Result
	if err := json.Unmarshal(body, &r); err != nil {
		return fmt.Errorf("%s: not a result: %w", f.hub, err)
	}
	definition, err := get(ctx, base.JoinPath("api/v1/views", name).String())
	if err != nil {
		return err
	}
	var v views.View
	if err := json.Unmarshal(definition, &v); err != nil {
		return fmt.Errorf("%s: not a view: %w", f.hub, err)
	}
	return encode.Table(w, &v, retype(&r), width(w))
}

// retype gives the numbers of JSON the types that the columns declare.
func retype(r *views.Result) *views.Result {
	for _, row := range r.Rows {
		for i, c := range r.Columns {
			switch x := row[i].(type) {
			case float64:
				if c.Type == "int" {
					row[i] = int64(x)
				}
			case string:
				if c.Type == "time" {
					if t, err := time.Parse(time.RFC3339Nano, x); err == nil {
						row[i] = t
					}
				}
			}
		}
	}
	return r
}

func get(ctx context.Context, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: req.URL.Host, Message: "the hub cannot be reached", Err: err,
			Hint: "is terroir hub run, or terroir demo, running there?"}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, &terroir.Error{Code: terroir.EUNREACHABLE, Where: req.URL.Host, Message: "the answer broke off", Err: err}
	}
	if res.StatusCode != http.StatusOK {
		return nil, answerError(req.URL.Host, res, body)
	}
	return body, nil
}

// answerError is the error that the hub's answer describes.
func answerError(host string, res *http.Response, body []byte) error {
	var p struct {
		Detail string       `json:"detail"`
		Code   terroir.Code `json:"code"`
	}
	if json.Unmarshal(body, &p) != nil || p.Detail == "" {
		return &terroir.Error{Code: terroir.EUNREACHABLE, Where: host, Message: "not an answer of a hub: " + strings.ToLower(res.Status)}
	}
	if p.Code == terroir.EINVALID {
		p.Code = terroir.EUSAGE
	}
	return &terroir.Error{Code: p.Code, Where: host, Message: p.Detail}
}
