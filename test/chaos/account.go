package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/naming"
	"github.com/tollkeeper/tollkeeper/internal/testutil/stripetest"
)

const (
	stripeKey = "rk_test_chaos"
	// importedAccounts is how many connected accounts there are, with one customer each.
	importedAccounts = 6
	// importedAge is how old their customers are: Stripe lists no events of that time any more.
	importedAge = 60 * 24 * time.Hour
)

// account is the remote side of the API key. The key may do two things:
//
//   - read single events of the platform's own account, which thin events need, and checkout sessions and customers, which
//     e-mails need. It may not list events, and it may read no other object, so that a lost event stays lost;
//   - read everything of the connected accounts, whose customers are known by the import only.
type account struct {
	server    *httptest.Server
	connected *stripetest.API
	imported  []*imported
	events    map[string]stripetest.Event // by the ids of the event and of its thin event; never changed
	objects   map[string][]byte           // checkout sessions and customers as they are in the end, by id; never changed

	mutex sync.Mutex
	fault stripetest.Fault // applies to the requests that follow; nil if none does
	hit   func()           // notes that it applied to one
	read  func()           // notes that an object was read
}

// imported is a customer that existed long before its events were recorded.
type imported struct {
	world    *stripetest.World
	customer string // Stripe's id
}

// name is the name of the Customer object.
func (i *imported) name() string { return naming.Object(i.world.Account, i.customer) }

// newAccount starts the remote side for the events of the histories.
func newAccount(histories []*history) *account {
	a := &account{
		read:      func() {},
		connected: stripetest.NewAPI(stripeKey, stripetest.NewWorld(time.Now(), stripetest.New, 0)),
		imported:  newImported(), events: map[string]stripetest.Event{}, objects: map[string][]byte{},
	}
	a.connected.PageSize = 1
	for _, i := range a.imported {
		a.connected.Connect(i.world)
	}
	for _, h := range histories {
		for _, e := range h.events {
			a.events[e.ID], a.events[e.ThinID()] = e, e
			if kind := e.Object["object"]; kind == "checkout.session" || kind == "customer" {
				a.objects[e.Object.ID()] = encode(e.Object)
			}
		}
	}
	a.server = httptest.NewServer(a)
	return a
}

// newImported generates the customers of the connected accounts: each with another end.
func newImported() []*imported {
	ends := [][]stripetest.Op{
		{}, {stripetest.Renew}, {stripetest.FailRenewal}, {stripetest.FailRenewal, stripetest.GiveUp}, {stripetest.ScheduleCancel}, {stripetest.Cancel},
	}
	var all []*imported
	for n := range importedAccounts {
		world := stripetest.NewWorld(time.Now().Add(-importedAge).Truncate(time.Second), stripetest.New, uint64(n)+1)
		world.Account = fmt.Sprintf("acct_Import%d", n+1)
		world.Do(stripetest.SignUp)
		world.Advance(time.Hour)
		for _, op := range ends[n%len(ends)] {
			world.Do(op)
			world.Advance(time.Hour)
		}
		all = append(all, &imported{world: world, customer: world.Objects("customer")[0].ID()})
	}
	return all
}

// accounts is the value of the flag that lets the connected accounts in.
func (a *account) accounts() string {
	var ids []string
	for _, i := range a.imported {
		ids = append(ids, i.world.Account)
	}
	return strings.Join(ids, ",")
}

// ServeHTTP answers as Stripe's API does.
func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mutex.Lock()
	fault := a.fault
	if fault != nil {
		a.hit()
	}
	a.mutex.Unlock()
	if fault == nil || !fault(w, r, a.answer) {
		a.answer(w, r)
	}
}

func (a *account) answer(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Stripe-Account") != "" || r.Header.Get("Stripe-Context") != "" {
		a.connected.ServeHTTP(w, r)
		return
	}
	collection, id := path.Split(r.URL.Path)
	event, isEvent := a.events[id]
	object, isObject := a.objects[id]
	switch {
	case isEvent && collection == "/v1/events/":
		reply(w, event.JSON())
	case isEvent && collection == "/v2/core/events/":
		reply(w, event.ThinWithSnapshotJSON())
	case isObject && (collection == "/v1/checkout/sessions/" || collection == "/v1/customers/"):
		reply(w, object)
		a.mutex.Lock()
		defer a.mutex.Unlock()
		a.read()
	default:
		stripetest.NotPermitted(w, r, nil)
	}
}

func encode(o stripetest.Object) []byte {
	text, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("not a JSON object: %v", err))
	}
	return text
}

func reply(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

// falter applies the fault to every request until stop is called. It closes hit at the first one. stop returns a channel that is closed
// as soon as an object is read, which each e-mail needs.
func (a *account) falter(fault stripetest.Fault) (hit <-chan struct{}, stop func() (read <-chan struct{})) {
	first, next := make(chan struct{}), make(chan struct{})
	a.mutex.Lock()
	defer a.mutex.Unlock()
	a.fault, a.hit = fault, sync.OnceFunc(func() { close(first) })
	return first, func() <-chan struct{} {
		a.mutex.Lock()
		defer a.mutex.Unlock()
		a.fault, a.read = nil, sync.OnceFunc(func() { close(next) })
		return next
	}
}

func (a *account) close() { a.server.Close() }
