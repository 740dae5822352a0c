// Package mailguntest stands in for Mailgun: it takes messages and tells of them over Mailgun's wire format.
// See https://documentation.mailgun.com/docs/mailgun/api-reference.
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

// Domain and Key are what it wants.
const (
	Domain = "mg.example.com"
	Key    = "key-mailguntest"
)

// Message is one that was accepted, as its form fields came.
type Message struct {
	At     time.Time
	Fields map[string][]string
}

// Field is the first value of a form field, such as "to", "subject", "html" or "h:Message-Id".
func (m Message) Field(name string) string {
	if values := m.Fields[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Fault spoils the next request to send a message. It is given what accepts the message.
type Fault func(w http.ResponseWriter, r *http.Request, accept func())

// Server is the stand-in.
type Server struct {
	*httptest.Server

	mutex      sync.Mutex
	messages   []Message
	faults     []Fault
	hidden     bool
	logRefused int
	lookups    int
	asked      int
}

// New starts one.
func New() *Server {
	s := &Server{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v3/{domain}/messages", s.send)
	mux.HandleFunc("GET /v3/{domain}/events", s.events)
	s.Server = httptest.NewServer(mux)
	return s
}

// APIBase is what MAILGUN_API_BASE is set to.
func (s *Server) APIBase() string { return s.URL + "/v3" }

// Messages are those accepted so far.
func (s *Server) Messages() []Message {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.messages)
}

// Lookups counts how often the log was looked into.
func (s *Server) Lookups() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.lookups
}

// Asked counts the requests to send a message.
func (s *Server) Asked() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.asked
}

// Fail spoils the next requests, one each.
func (s *Server) Fail(faults ...Fault) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.faults = append(s.faults, faults...)
}

// RefuseLog answers those who read the log with the status, as Mailgun does where a key may only send.
func (s *Server) RefuseLog(status int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.logRefused = status
}

// HideLog makes the log show nothing, or show all.
func (s *Server) HideLog(hide bool) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.hidden = hide
}

func (s *Server) send(w http.ResponseWriter, r *http.Request) {
	if !authorized(w, r) {
		return
	}
	if err := r.ParseMultipartForm(1 << 20); err != nil || !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		answer(w, http.StatusBadRequest, map[string]any{"message": "the body is no form"})
		return
	}
	id := fmt.Sprintf("<%d.mailguntest@%s>", time.Now().UnixNano(), r.PathValue("domain"))
	accept := func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.messages = append(s.messages, Message{At: time.Now(), Fields: r.MultipartForm.Value})
	}
	if fault := s.fault(); fault != nil {
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

func (s *Server) fault() Fault {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.asked++
	if len(s.faults) == 0 {
		return nil
	}
	fault := s.faults[0]
	s.faults = s.faults[1:]
	return fault
}

// events lists what the log has of the message that the query names.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if !authorized(w, r) {
		return
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lookups++
	if s.logRefused != 0 {
		answer(w, s.logRefused, map[string]any{"message": "Forbidden"})
		return
	}
	begin, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", r.URL.Query().Get("begin"))
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]any{"message": "begin is no time"})
		return
	}
	items := []any{}
	for i, m := range s.messages {
		id := strings.Trim(m.Field("h:Message-Id"), "<>")
		if s.hidden || m.At.Before(begin) || id != r.URL.Query().Get("message-id") {
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

func authorized(w http.ResponseWriter, r *http.Request) bool {
	if user, key, _ := r.BasicAuth(); user != "api" || key != Key || r.PathValue("domain") != Domain {
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

// Refuse answers with the status, and repeats the recipient, as Mailgun may.
func Refuse(status int) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ func()) {
		answer(w, status, map[string]any{"message": "refused for " + r.FormValue("to")})
	}
}

// Drop closes the connection; the message is not accepted.
func Drop(http.ResponseWriter, *http.Request, func()) { panic(http.ErrAbortHandler) }

// AcceptAndFail accepts the message and answers that something went wrong, as Mailgun has done.
func AcceptAndFail(w http.ResponseWriter, r *http.Request, accept func()) {
	accept()
	Refuse(http.StatusInternalServerError)(w, r, accept)
}

// AcceptAndDrop accepts the message and closes the connection.
func AcceptAndDrop(_ http.ResponseWriter, _ *http.Request, accept func()) {
	accept()
	panic(http.ErrAbortHandler)
}

// AcceptAndHang accepts the message and does not answer.
func AcceptAndHang(_ http.ResponseWriter, r *http.Request, accept func()) {
	accept()
	<-r.Context().Done()
}

// AcceptAnswerAfter accepts the message, and answers when it is let.
func AcceptAnswerAfter(let <-chan struct{}) Fault {
	return func(w http.ResponseWriter, _ *http.Request, accept func()) {
		accept()
		<-let
		answer(w, http.StatusOK, map[string]any{"id": "<answered@mailguntest>", "message": "Queued. Thank you."})
	}
}

// AcceptAnswerAnd accepts the message, answers, and does something the moment the answer is out.
func AcceptAnswerAnd(do func()) Fault {
	return func(w http.ResponseWriter, _ *http.Request, accept func()) {
		accept()
		answer(w, http.StatusOK, map[string]any{"id": "<answered@mailguntest>", "message": "Queued. Thank you."})
		_ = http.NewResponseController(w).Flush()
		do()
	}
}

// Hang does not accept the message and does not answer.
func Hang(_ http.ResponseWriter, r *http.Request, _ func()) { <-r.Context().Done() }
