package receiver

import (
	"container/list"
	"sync"
	"time"
)

// line bounds how many wait for a sender.
//
// Anybody can make the receiver wait, and take all the time that a slow line needs. Whoever is slow must not keep out who is not, so
// there is always a place for one more: the one who has waited longest loses his. What Stripe sends is there within milliseconds; to
// outrun it takes as many newcomers in that time as there are places.
type line struct {
	limit int

	mutex   sync.Mutex
	taken   int        // places, waiting or held
	waiting *list.List // of *place, the oldest first
}

// place is one of the places.
type place struct {
	cut     func()
	waiting *list.Element // nil unless it may be cut
	held    bool
}

func newLine(limit int) *line { return &line{limit: limit, waiting: list.New()} }

// enter takes a place; nil if all are held. cut is called, once at most, if the place is lost. It must not wait, nor call the line.
func (l *line) enter(cut func()) *place {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if l.taken < l.limit {
		l.taken++
	} else if !l.cutOldest() {
		return nil
	}
	entered := &place{cut: cut}
	entered.waiting = l.waiting.PushBack(entered)
	return entered
}

// cutOldest takes the oldest's place away from him.
func (l *line) cutOldest() bool {
	front := l.waiting.Front()
	if front == nil {
		return false
	}
	oldest, _ := l.waiting.Remove(front).(*place)
	oldest.waiting = nil
	oldest.cut()
	return true
}

// hold makes the place safe: the wait is over. It says whether the place was kept until now.
func (l *line) hold(p *place) (kept bool) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if p.waiting == nil {
		return false
	}
	l.waiting.Remove(p.waiting)
	p.waiting, p.held = nil, true
	return true
}

// leave gives the place up, unless it was lost.
func (l *line) leave(p *place) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	switch {
	case p.waiting != nil:
		l.waiting.Remove(p.waiting)
	case !p.held:
		return
	}
	p.waiting, p.held = nil, false
	l.taken--
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)
