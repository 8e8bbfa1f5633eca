module libixy.example/forward

go 1.19

require github.com/libixy/libixy/bindings/go v0.0.0

replace github.com/libixy/libixy/bindings/go => ../../../../bindings/go
