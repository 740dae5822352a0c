// Package mailguntest is a stand-in for Mailgun: it accepts messages, and lists them in its log, over Mailgun's HTTP
// API. See https://documentation.mailgun.com/docs/mailgun/api-reference.
package mailguntest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"time"
)

// Domain and Key are the domain and the API key that the stand-in accepts.
const (
	Domain = "mg.example.com"
	Key    = "key-mailguntest"
)

// Message is an accepted message with its form fields.
type Message struct {
	At     time.Time
	Fields map[string][]string
}

// Field returns the first value of a form field, such as "to", "subject", "html" or "h:Message-Id".
func (m Message) Field(name string) string {
	if values := m.Fields[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Fault answers a request to send a message in place of the stand-in. accept stores the message as accepted.
type Fault func(w http.ResponseWriter, r *http.Request, accept func())

// Server is a running stand-in.
type Server struct {
	*httptest.Server

	mutex     sync.Mutex
	messages  []Message
	faults    []Fault
	hideLog   bool
	logStatus int // answer to requests for the log; 0 for the log itself
	logReads  int
	sends     int
	state     string // of the domain; empty for active
	keys      []string
}

// New starts a stand-in.
func New() *Server {
	s := &Server{keys: []string{Key}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/{domain}/messages", s.send)
	mux.HandleFunc("GET /v3/{domain}/{what}", s.get)
	s.Server = httptest.NewServer(mux)
	return s
}

// APIBase returns the value for MAILGUN_API_BASE.
func (s *Server) APIBase() string { return s.URL + "/v3" }

// Messages returns the accepted messages, oldest first.
func (s *Server) Messages() []Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.messages)
}

// LogReads returns the number of requests for the log.
func (s *Server) LogReads() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.logReads
}

// Sends returns the number of requests to send a message, accepted or not.
func (s *Server) Sends() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.sends
}

// Fail makes the next requests to send a message fail: the first with the first fault, and so on.
func (s *Server) Fail(faults ...Fault) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.faults = append(s.faults, faults...)
}

// Mend drops the faults that have not applied yet.
func (s *Server) Mend() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.faults = nil
}

// RefuseLog answers requests for the log with the status, as Mailgun does if the key may only send; 0 serves the log
// again.
func (s *Server) RefuseLog(status int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.logStatus = status
}

// HideLog makes the log empty, or shows all messages in it again.
func (s *Server) HideLog(hide bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.hideLog = hide
}

func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(w, r) {
		return
	}
	if err := r.ParseMultipartForm(1 << 20); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		answer(w, http.StatusBadRequest, map[string]any{"message": "the body is not a form"})
		return
	}
	id := fmt.Sprintf("<%d.mailguntest@%s>", time.Now().UnixNano(), r.PathValue("domain"))
	accept := func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.messages = append(s.messages, Message{At: time.Now(), Fields: r.MultipartForm.Value})
	}
	if fault := s.nextFault(); fault != nil {
		fault(w, r, accept)
		return
	}
	if r.FormValue("to") == "" || r.FormValue("from") == "" {
		answer(w, http.StatusBadRequest, map[string]any{"message": "'to' parameter is missing"})
		return
	}
	accept()
	answer(w, http.StatusOK, map[string]any{"id": id, "message": "Queued. Thank you."})
}

// nextFault counts the request, and returns the fault that is due; nil if none is.
func (s *Server) nextFault() Fault {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.sends++
	if len(s.faults) == 0 {
		return nil
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	return fault
}

// get answers for the log of the domain, or for the domain itself.
func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.PathValue("what") == "events":
		s.events(w, r)
	case r.PathValue("domain") != "domains":
		answer(w, http.StatusNotFound, map[string]any{"message": "not found"})
	default:
		s.domain(w, r, r.PathValue("what"))
	}
}

// domain describes the domain, unless the key may not read it.
func (s *Server) domain(w http.ResponseWriter, r *http.Request, name string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	switch {
	case !s.accepts(r) || s.logStatus != 0:
		answer(w, http.StatusUnauthorized, map[string]any{"message": "Invalid private key"})
	case name != Domain:
		answer(w, http.StatusNotFound, map[string]any{"message": "Domain not found"})
	default:
		state := s.state
		if state == "" {
			state = "active"
		}
		answer(w, http.StatusOK, map[string]any{"domain": map[string]any{"name": Domain, "state": state, "created_at": "Wed, 10 Jul 2013 19:26:52 GMT"}})
	}
}

// SetKeys has the stand-in accept these keys, in the place of Key.
func (s *Server) SetKeys(keys ...string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.keys = keys
}

// accepts reports whether the key of the request is one of those. The caller holds the mutex.
func (s *Server) accepts(r *http.Request) bool {
	user, key, _ := r.BasicAuth()
	return user == "api" && slices.Contains(s.keys, key)
}

// SetState sets the state of the domain: active, unverified or disabled.
func (s *Server) SetState(state string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.state = state
}

// events lists the log entries of the message that the query names.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if !s.authorized(w, r) {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.logReads++
	if s.logStatus != 0 {
		answer(w, s.logStatus, map[string]any{"message": "Forbidden"})
		return
	}
	if !r.URL.Query().Has("message-id") {
		answer(w, http.StatusOK, map[string]any{"items": []any{}, "paging": map[string]any{"next": s.URL, "previous": s.URL, "first": s.URL, "last": s.URL}})
		return
	}
	begin, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", r.URL.Query().Get("begin"))
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"message": "begin is not a time"})
		return
	}
	items := []any{}
	for i, m := range s.messages {
		id := strings.Trim(m.Field("h:Message-Id"), "<>")
		if s.hideLog || m.At.Before(begin) || id != r.URL.Query().Get("message-id") {
			continue
		}
		items = append(items, map[string]any{
			"event": "accepted", "id": fmt.Sprintf("event-%d", i), "timestamp": float64(m.At.Unix()), "recipient": m.Field("to"),
			"message": map[string]any{"headers": map[string]any{"message-id": id}},
		})
	}
	next := s.URL + r.URL.Path + "/end"
	answer(w, http.StatusOK, map[string]any{"items": items, "paging": map[string]any{"next": next, "previous": next, "first": next, "last": next}})
}

func (s *Server) authorized(w http.ResponseWriter, r *http.Request) bool {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if !s.accepts(r) || r.PathValue("domain") != Domain {
		answer(w, http.StatusUnauthorized, map[string]any{"message": "Invalid private key"})
		return false
	}
	return true
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// Refuse returns a fault that answers with the status and repeats the recipient, as Mailgun may.
func Refuse(status int) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ func()) {
		answer(w, status, map[string]any{"message": "refused for " + r.FormValue("to")})
	}
}

// Drop closes the connection without accepting the message.
func Drop(http.ResponseWriter, *http.Request, func()) { panic(http.ErrAbortHandler) }

// AcceptAndFail accepts the message and nevertheless answers 500, which Mailgun has been seen to do.
func AcceptAndFail(w http.ResponseWriter, r *http.Request, accept func()) {
	accept()
	Refuse(http.StatusInternalServerError)(w, r, accept)
}

// AcceptAndDrop accepts the message and closes the connection without an answer.
func AcceptAndDrop(_ http.ResponseWriter, _ *http.Request, accept func()) {
	accept()
	panic(http.ErrAbortHandler)
}

// AcceptAndHang accepts the message and never answers.
func AcceptAndHang(_ http.ResponseWriter, r *http.Request, accept func()) {
	accept()
	<-r.Context().Done()
}

// AcceptAndAnswerAfter returns a fault that accepts the message, and answers once the channel is closed.
func AcceptAndAnswerAfter(release <-chan struct{}) Fault {
	return func(w http.ResponseWriter, _ *http.Request, accept func()) {
		accept()
		<-release
		answer(w, http.StatusOK, map[string]any{"id": "<answered@mailguntest>", "message": "Queued. Thank you."})
	}
}

// AcceptAndAnswerThen returns a fault that accepts the message, answers, and calls do as soon as the answer is sent.
func AcceptAndAnswerThen(do func()) Fault {
	return func(w http.ResponseWriter, _ *http.Request, accept func()) {
		accept()
		answer(w, http.StatusOK, map[string]any{"id": "<answered@mailguntest>", "message": "Queued. Thank you."})
		_ = http.NewResponseController(w).Flush()
		do()
	}
}

// Hang neither accepts the message nor answers.
func Hang(_ http.ResponseWriter, r *http.Request, _ func()) { <-r.Context().Done() }
