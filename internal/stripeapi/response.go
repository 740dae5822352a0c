package stripeapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// maxResponse bounds the size of a response, in bytes. A page of a hundred events has some hundred KiB.
const maxResponse = 32 << 20

// rawObject is a response body that is kept as it is.
type rawObject struct {
	stripe.APIResource
	raw json.RawMessage
}

func (o *rawObject) UnmarshalJSON(text []byte) error {
	o.raw = append(o.raw, text...)
	return nil
}

// lastResponse keeps the status code and headers of a response.
type lastResponse struct {
	stripe.LastResponseSetter
	response *stripe.APIResponse
}

// SetLastResponse implements stripe.LastResponseSetter.
func (l *lastResponse) SetLastResponse(response *stripe.APIResponse) {
	l.response = response
	l.LastResponseSetter.SetLastResponse(response)
}

// UnmarshalJSON decodes the response body into the wrapped value.
func (l *lastResponse) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, l.LastResponseSetter)
}

// currentFrom is the time from which the response is known to be current (see Reading.At).
func (l *lastResponse) currentFrom(sent time.Time, took time.Duration) time.Time {
	at := sent
	if date, err := http.ParseTime(l.response.Header.Get("Date")); err == nil {
		at = date.Add(-took)
	}
	return at.UTC().Truncate(time.Second)
}

// code is the status code as a metric label; "error" if there was no response.
func (l *lastResponse) code(err error) string {
	var rejection *stripe.Error
	switch {
	case errors.As(err, &rejection):
		return strconv.Itoa(rejection.HTTPStatusCode)
	case l.response != nil:
		return strconv.Itoa(l.response.StatusCode)
	default:
		return "error"
	}
}

// boundedTransport limits the size of responses to maxResponse.
type boundedTransport struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := b.RoundTripper.RoundTrip(request)
	if err == nil {
		response.Body = http.MaxBytesReader(nil, response.Body, maxResponse)
	}
	return response, err
}
