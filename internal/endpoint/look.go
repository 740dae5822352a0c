package endpoint

import "context"

// Look reads the endpoints once, and returns what is wrong with those that lead here, in sentences; none if Stripe posts every
// event that is handled. address is the URL of the endpoint; empty for every endpoint whose path ends in path.
func Look(ctx context.Context, source Source, address, path string) ([]string, error) {
	found, err := (&Checker{Source: source, URL: address, Path: path}).look(ctx)
	texts := make([]string, len(found))
	for i := range found {
		texts[i] = found[i].text
	}
	return texts, err
}
