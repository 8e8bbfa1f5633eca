module github.com/libixy/libixy/bindings/go

go 1.19
