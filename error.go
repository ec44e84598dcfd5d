package terroir

import (
	"errors"
	"fmt"
)

// Code classifies an error for whoever must act on it; the command line maps it to an exit code and the API to a
// status, each once, at the edge.
type Code string

// The codes of errors.
const (
	// EINTERNAL: a fault of terroir or of its machine (exit 1).
	EINTERNAL Code = "internal"
	// EUSAGE: the command's words are wrong (exit 2).
	EUSAGE Code = "usage"
	// ECONFIG: a configuration is invalid (exit 3).
	ECONFIG Code = "config"
	// EINVALID: data or a parameter is malformed (exit 1; 422 in the API).
	EINVALID Code = "invalid"
	// ENOTFOUND: the thing asked for does not exist (exit 4).
	ENOTFOUND Code = "not_found"
	// EUNAUTHORIZED: the caller may not do this (exit 5).
	EUNAUTHORIZED Code = "unauthorized"
	// EUNREACHABLE: the hub or its storage cannot be reached or used (exit 6).
	EUNREACHABLE Code = "unreachable"
	// EPARTIAL: the answer lacks a part, which the message names (exit 7).
	EPARTIAL Code = "partial"
	// ECHECK: a check failed (exit 8).
	ECHECK Code = "check"
)

// ExitCode is the documented exit code of a command that ends with the error code.
func (c Code) ExitCode() int {
	switch c {
	case EUSAGE:
		return 2
	case ECONFIG:
		return 3
	case ENOTFOUND:
		return 4
	case EUNAUTHORIZED:
		return 5
	case EUNREACHABLE:
		return 6
	case EPARTIAL:
		return 7
	case ECHECK:
		return 8
	default:
		return 1
	}
}

// Error is an error that a person can act on: what is wrong, where, and what to do.
type Error struct {
	Code Code
	// Where is the place: a file, file:line:column, an address or a flag. It may be "".
	Where string
	// Message says what is wrong.
	Message string
	// Hint says what to do. It may be "".
	Hint string
	// Err is the cause, or nil.
	Err error
}

// Error is one line: where, what, cause, what to do.
func (e *Error) Error() string {
	s := e.Message
	if e.Where != "" {
		s = e.Where + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// ErrorCode returns the code of the first Error in err's chain, EINTERNAL for any other error and "" for nil.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return EINTERNAL
}
