package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

type event struct {
	Subject, Sequence string // Stripe's id of the customer, and the place of this state among the customer's states
	Data              struct{ Name, Entitled, Reason string }
}

type receiver struct {
	secret []byte
	act    func(event) error // True: serve. False: suspend. Unknown: change nothing
	mutex  sync.Mutex
	acted  map[string]string // by Name, the last Sequence: keep it in your database
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	var e event
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, 1<<20))
	if err != nil || !r.isSigned(request.Header, body) || json.Unmarshal(body, &e) != nil {
		http.Error(w, "not a signed notification", http.StatusUnauthorized)
		return
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if e.Sequence <= r.acted[e.Data.Name] {
		return // 200: it came before, or is older than what was acted on
	}
	if err := r.act(e); err != nil {
		http.Error(w, "send it again", http.StatusServiceUnavailable)
		return
	}
	r.acted[e.Data.Name] = e.Sequence
}

func (r *receiver) isSigned(header http.Header, body []byte) bool {
	id, sentAt, isSigned := header.Get("Webhook-Id"), header.Get("Webhook-Timestamp"), false
	mac := hmac.New(sha256.New, r.secret)
	mac.Write([]byte(id + "." + sentAt + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for signature := range strings.FieldsSeq(header.Get("Webhook-Signature")) {
		isSigned = isSigned || hmac.Equal([]byte(signature), []byte(want))
	}
	seconds, err := strconv.ParseInt(sentAt, 10, 64)
	return isSigned && err == nil && time.Since(time.Unix(seconds, 0)).Abs() < 5*time.Minute
}
