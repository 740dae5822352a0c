package stripeapi

import (
	"errors"
	"fmt"
	"testing"
)

// A list that does not end costs a bounded number of requests and of bytes.
func TestListsAreBounded(t *testing.T) {
	for _, tc := range []struct {
		pages int // 0: without end
		want  error
	}{{1, nil}, {3, nil}, {4, ErrTooLong}, {0, ErrTooLong}} {
		asked, yielded, last := 0, 0, error(nil)
		for _, err := range upTo(3, func(yield func(Page, error) bool) {
			for {
				asked++
				page := Page{Next: fmt.Sprintf("id_%d", asked)}
				if asked == tc.pages {
					page.Next = ""
				}
				if !yield(page, nil) || page.Next == "" {
					return
				}
			}
		}) {
			if last = err; err == nil {
				yielded++
			}
		}
		if !errors.Is(last, tc.want) || asked > 3 || tc.want == nil && yielded != tc.pages {
			t.Errorf("%d pages: %d requests, %d pages, error %v; want the error %v", tc.pages, asked, yielded, last, tc.want)
		}
	}
}
