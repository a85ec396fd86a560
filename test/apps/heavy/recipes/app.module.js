// What `nest new` makes of it in TypeScript, with the decorators written out.
import { setTimeout as delay } from 'node:timers/promises'
import { Controller, Get, Injectable, Module } from '@nestjs/common'

/** What a database would be. */
class Store {
  open = true

  onModuleDestroy() {
    this.open = false
    console.error('store closed')
  }

  onApplicationShutdown() {
    console.error('shut down')
  }
}
Injectable()(Store)

class AppController {
  constructor(store) {
    this.store = store
  }

  hello() {
    return `hello from ${process.pid}\n`
  }

  async slow() {
    await delay(300)
    if (!this.store.open) throw new Error('the store is closed')
    return 'done\n'
  }
}
Reflect.defineMetadata('design:paramtypes', [Store], AppController)
route('hello', Get())
route('slow', Get('slow'))
Controller()(AppController)

function route(name, decorate) {
  decorate(
    AppController.prototype,
    name,
    Object.getOwnPropertyDescriptor(AppController.prototype, name),
  )
}

export class AppModule {}
Module({ controllers: [AppController], providers: [Store] })(AppModule)
