// Package replay plays a recorded conversation again.
//
// [Player] moves a cursor over decoded events in recorded time, for the page: it holds no event, only when each took
// place and where exchanges and sessions begin. The events themselves are published once; whoever shows them shows
// those whose number is at most the cursor.
package replay
