package flight

import (
	"fmt"
	"reflect"
)

// kinds are the types of a closed set, each with its code.
type kinds[I any] struct {
	byType map[reflect.Type]*kind[I]
	byCode [256]*kind[I]
}

// kind is how one type is written and read.
type kind[I any] struct {
	code uint8
	of   reflect.Type
	put  func(*codec, I)
	take func(*codec) I
}

// unknown is the code of a type that has none; its name follows.
const unknown = 0

// row is the kind of T. fields tells the codec the fields of a T, one after the other.
// A row holds room for one value and so serves one goroutine.
func row[I, T any](code uint8, fields func(*codec, *T)) kind[I] {
	room := new(T)
	return kind[I]{
		code: code, of: reflect.TypeFor[T](),
		put: func(c *codec, v I) {
			*room = any(v).(T)
			fields(c, room)
			*room = *new(T) // it holds on to no slice
		},
		take: func(c *codec) I {
			var v T
			fields(c, &v)
			return any(v).(I)
		},
	}
}

func kindsOf[I any](rows ...kind[I]) *kinds[I] {
	s := &kinds[I]{byType: make(map[reflect.Type]*kind[I], len(rows))}
	for i := range rows {
		k := &rows[i]
		if k.code == unknown || s.byCode[k.code] != nil || s.byType[k.of] != nil {
			panic(fmt.Sprintf("flight: code %d of %v is taken", k.code, k.of))
		}
		s.byCode[k.code], s.byType[k.of] = k, k
	}
	return s
}

// put writes a value. It is false, and a name is written, if the type has no code.
func (s *kinds[I]) put(c *codec, v I) bool {
	k := s.byType[reflect.TypeOf(v)]
	if k == nil {
		c.out = append(c.out, unknown)
		name := fmt.Sprintf("%T", v)
		text(c, &name)
		return false
	}
	c.out = append(c.out, k.code)
	k.put(c, v)
	return true
}

// take reads a value, or the name of a type that had no code.
func (s *kinds[I]) take(c *codec) (v I, name string) {
	code := uint8(0)
	c.byte(&code)
	if c.broken {
		return v, ""
	}
	if code == unknown {
		text(c, &name)
		return v, name
	}
	k := s.byCode[code]
	if k == nil {
		c.fail()
		return v, ""
	}
	return k.take(c), ""
}
