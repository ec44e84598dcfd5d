package api

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"terroir"
)

// problem answers with an error as RFC 9457 has it. What is a fault of terroir's own is logged and not shown.
func problem(w http.ResponseWriter, err error) {
	status, detail := Status(err), err.Error()
	if status == http.StatusInternalServerError {
		slog.Error("api", "error", err)
		detail = "internal error; the hub's log has it"
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"title": http.StatusText(status), "status": status, "detail": detail,
		"code": string(terroir.ErrorCode(err))})
}

// Status is the HTTP status that stands for an error.
func Status(err error) int {
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusGatewayTimeout
	}
	switch terroir.ErrorCode(err) {
	case terroir.EINVALID, terroir.EUSAGE, terroir.ECONFIG:
		return http.StatusUnprocessableEntity
	case terroir.ENOTFOUND:
		return http.StatusNotFound
	case terroir.EUNAUTHORIZED:
		return http.StatusForbidden
	case terroir.EUNREACHABLE:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
