// Package noredirect keeps an HTTP client from following redirects: a redirect would lead a request, with what it holds,
// to a host that the configuration does not name.
package noredirect

import (
	"fmt"
	"net/http"
)

// Error reports a redirect that was not followed.
type Error struct {
	// Code is the status code of the redirect.
	Code int
}

// Error does not name the redirect's target, which the answering host chose.
func (e *Error) Error() string {
	return fmt.Sprintf("answered with a redirect (%d), which is not followed", e.Code)
}

// Transport makes an Error of each redirect, with and without a target.
type Transport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.RoundTripper.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 == 3 {
		_ = response.Body.Close()
		return nil, &Error{Code: response.StatusCode}
	}
	return response, nil
}
