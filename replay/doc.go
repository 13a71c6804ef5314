// Package replay plays a recorded conversation again.
//
// [Player] moves a cursor over decoded events in recorded time, for the page: it holds no event, only when each took
// place and where exchanges and sessions begin. The events themselves are published once; whoever shows them shows
// those whose number is at most the cursor.
//
// [Book] turns the same events, with their octets, into dialogues: who asked what, and what the answer was, with TLS and
// compression taken off. A [Dialogue] is spoken again in three ways: [Server] answers a mail client as the recorded
// server did, [Send] speaks the client's part to a server, and [Diff] lays two of them side by side. All three compare
// commands by what they mean (meaning.go) and answers without what only the moment knows (normal.go).
package replay
